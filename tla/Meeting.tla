------------------------------ MODULE Meeting ------------------------------
(***************************************************************************)
(* A room: the delivery service, its participants and a bad network. An    *)
(* action is named after the Rust function that takes the step; the faults *)
(* have no function and are named after what goes wrong.                   *)
(***************************************************************************)
EXTENDS Committer

CONSTANTS
  N,          \* participants; who rejoins is a new one
  Members,    \* how many of them are members from the start
  Lost,       \* how many submissions or KeyPackages the network may lose
  Reconnects, \* how many sockets may break and come back
  Suspected,  \* how many live participants may be taken for gone
  Frozen,     \* how many may crash, hang or leave
  Mute,       \* how many may read on, but get no submission through
  Refused     \* how many refusals may come that mean something else

VARIABLES
  log,     \* the entries: `Log::retained`
  service, \* what they add up to: `Log::state`
  client,  \* every participant, and what is under way from it
  faults   \* how many of each kind are left

vars == <<log, service, client, faults>>

Participants == 1..N

\* Where some are members from the start, the first one has created the group and has added one
\* after the other.
Founding(i) ==
  LET q == (i + 1) \div 2
  IN IF i % 2 = 1 THEN Joined(q)
     ELSE Entry("handshake", 1, q,
                Message(IF q = 1 THEN "create" ELSE "commit", <<1, q>>,
                        IF q = 1 THEN NoEpoch ELSE <<1, q - 1>>, q - 1, 1..q, q # 1))

Founded ==
  [handshakes |-> Members, roster |-> 1..Members, joined |-> 1..Members, departed |-> {}]

Founder(p) ==
  [Absent(p) EXCEPT !.phase = "member", !.view = Founded, !.position = 2 * Members,
                    !.group = <<Group(Members, <<1, Members>>, 1..Members)>>,
                    !.drafts = IF p = 1 THEN Members ELSE 0]

Init ==
  /\ log = [i \in 1..(2 * Members) |-> Founding(i)]
  /\ service = Founded
  /\ client = [p \in Participants |-> IF p <= Members THEN Founder(p) ELSE Absent(p)]
  /\ faults = [lost |-> Lost, reconnects |-> Reconnects, suspected |-> Suspected,
               frozen |-> Frozen, mute |-> Mute, refused |-> Refused]

----------------------------------------------------------------------------
\* The delivery service.

\* `Log::apply`: a decided entry becomes true.
append(entry) ==
  /\ log' = Append(log, entry)
  /\ service' = apply(service, entry)

has_departed(p) == \E i \in 1..Len(log) : log[i].event = "departed" /\ log[i].participant = p

\* `Log::join`: a KeyPackage has arrived. The log alone would take one who is forgotten for new; the
\* room never asks it to, for it listens to nobody whom it has given up.
Log_join(p) ==
  /\ client[p].outbox # <<>>
  /\ client[p].outbox[1].step = "upload"
  /\ client' = [client EXCEPT ![p].outbox = <<>>]
  /\ IF p \in service.joined \/ has_departed(p) THEN UNCHANGED <<log, service>>
     ELSE append(Joined(p))
  /\ UNCHANGED faults

\* `Log::submit`: a submission has arrived, taken whole, as one entry, or refused.
\*
\* Its stages are two: under way, and final. A stage between them (tentative, until a member has
\* acknowledged it) would be kept in `service` by this action and ended by two more; clients take
\* an entry as final in `handshake` either way.
Log_submit(p) ==
  /\ client[p].outbox # <<>>
  /\ client[p].outbox[1].step # "upload"
  /\ client' = [client EXCEPT ![p].outbox = <<>>]
  /\ IF submit(service, log, p, client[p].outbox[1])
     THEN append(Entry("handshake", p, service.handshakes + 1, client[p].outbox[1]))
     ELSE UNCHANGED <<log, service>>
  /\ UNCHANGED faults

may_depart(p) == p \in service.joined /\ p \notin service.departed

\* Whose position stands still, or whose socket stays closed, is given up in the end; a client that
\* has come to its end closes its own.
given_up(p) == client[p].health = "frozen" \/ client[p].phase = "over"

\* `Log::depart`.
Log_depart(p) ==
  /\ may_depart(p)
  /\ given_up(p)
  /\ append(Departed(p))
  /\ UNCHANGED <<client, faults>>

----------------------------------------------------------------------------
\* The clients.

\* `Committer::join`. Ids are given out in the order of joining.
Committer_join(p) ==
  /\ client[p].phase = "absent"
  /\ \A q \in 1..(p - 1) : client[q].phase # "absent"
  /\ client' = [client EXCEPT ![p] = join(client[p], service, Len(log))]
  /\ UNCHANGED <<log, service, faults>>

may_read(p) == reads(client[p]) /\ client[p].position < Len(log)

\* `Committer::on_event` with `Event::Entry`: the next entry of the log.
Committer_read(p) ==
  /\ may_read(p)
  /\ client' = [client EXCEPT ![p] = read(client[p], log[client[p].position + 1])]
  /\ UNCHANGED <<log, service, faults>>

may_fire_turn(p) == reads(client[p]) /\ client[p].turn # NoTurn

\* `Committer::on_event` with `Event::Fired(Timer::Turn)`.
Committer_fired_turn(p) ==
  /\ may_fire_turn(p)
  /\ client' = [client EXCEPT ![p] = fired_turn(client[p])]
  /\ UNCHANGED <<log, service, faults>>

\* Only where it matters: what was sent is neither under way nor decided.
may_fire_resend(p) ==
  /\ reads(client[p])
  /\ client[p].health # "mute"
  /\ client[p].outbox = <<>>
  /\ ~has_departed(p)
  /\ IF client[p].pending # <<>>
     THEN client[p].pending[1].submission.expected = service.handshakes
     ELSE client[p].phase = "unannounced" /\ p \notin service.joined

\* `Committer::on_event` with `Event::Fired(Timer::Resend)`.
Committer_fired_resend(p) ==
  /\ may_fire_resend(p)
  /\ client' = [client EXCEPT ![p] = fired_resend(client[p])]
  /\ UNCHANGED <<log, service, faults>>

\* In a broken service a Welcome comes by itself.
separate_welcome(p) == FALSE

----------------------------------------------------------------------------
\* What goes wrong.

fault(kind) ==
  /\ faults[kind] > 0
  /\ faults' = [faults EXCEPT ![kind] = @ - 1]

\* `Room::not_appended`, or a server that goes down first.
lose(p) ==
  /\ client[p].outbox # <<>>
  /\ fault("lost")
  /\ client' = [client EXCEPT ![p].outbox = <<>>]
  /\ UNCHANGED <<log, service>>

\* `Committer::on_event` with `Event::Reconnected`.
Committer_reconnected(p) ==
  /\ reads(client[p])
  /\ fault("reconnects")
  /\ client' = [client EXCEPT ![p] = reconnected(client[p])]
  /\ UNCHANGED <<log, service>>

\* `Committer::on_event` with `Event::Refused`, meant for something else that was sent.
Committer_refused(p) ==
  /\ reads(client[p])
  /\ client[p].pending # <<>>
  /\ fault("refused")
  /\ client' = [client EXCEPT ![p] = refused(client[p])]
  /\ UNCHANGED <<log, service>>

\* A crash, a hang or a farewell.
freeze(p) ==
  /\ active(client[p])
  /\ client[p].health = "up"
  /\ fault("frozen")
  /\ client' = [client EXCEPT ![p].health = "frozen"]
  /\ UNCHANGED <<log, service>>

mute(p) ==
  /\ active(client[p])
  /\ client[p].health = "up"
  /\ fault("mute")
  /\ client' = [client EXCEPT ![p].health = "mute", ![p].outbox = <<>>]
  /\ UNCHANGED <<log, service>>

\* `Log::depart` of one who is alive.
suspect(p) ==
  /\ may_depart(p)
  /\ client[p].health # "frozen"
  /\ fault("suspected")
  /\ append(Departed(p))
  /\ UNCHANGED client

----------------------------------------------------------------------------
\* What has to happen, and what may.
Progress ==
  \E p \in Participants :
    \/ Log_join(p)
    \/ Log_submit(p)
    \/ Log_depart(p)
    \/ Committer_read(p)
    \/ Committer_fired_turn(p)
    \/ Committer_fired_resend(p)
    \/ separate_welcome(p)

World ==
  \E p \in Participants :
    \/ Committer_join(p)
    \/ lose(p)
    \/ Committer_reconnected(p)
    \/ Committer_refused(p)
    \/ freeze(p)
    \/ mute(p)
    \/ suspect(p)

Next == Progress \/ World

\* Progress is made of steps that use something up: fairness to all of it together is enough.
Spec == Init /\ [][Next]_vars /\ WF_vars(Progress)
=============================================================================
