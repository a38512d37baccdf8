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
  Reloads,    \* how many pages may be loaded anew
  Poison      \* whose first commit nobody else can follow

VARIABLES
  log,     \* the entries: `Log::retained`
  service, \* what they add up to: `Log::state`
  finality, \* the commit that is being judged: `Finality`
  client,  \* every participant, and what is under way from it
  faults   \* how many of each kind are left

vars == <<log, service, finality, client, faults>>

Participants == 1..N

\* Where some are members from the start, the first one has created the group and has added one
\* after the other.
Founding(i) ==
  LET q == (i + 1) \div 2
  IN IF i % 2 = 1 THEN Joined(q, 0)
     ELSE Entry("handshake", 1, q,
                Message(IF q = 1 THEN "create" ELSE "commit", <<1, q>>,
                        IF q = 1 THEN NoEpoch ELSE <<1, q - 1>>, q - 1, 1..q, q # 1, FALSE))

Founded ==
  [handshakes |-> Members, roster |-> 1..Members, joined |-> 1..Members, departed |-> {}]

Founder(p) ==
  [Absent(p) EXCEPT !.phase = "member", !.view = Founded, !.position = 2 * Members,
                    !.group = <<Group(Members, <<1, Members>>, 1..Members)>>,
                    !.drafts = IF p = 1 THEN Members ELSE 0, !.poison = p \in Poison]

Init ==
  /\ log = [i \in 1..(2 * Members) |-> Founding(i)]
  /\ service = Founded
  /\ finality = NothingUndecided
  /\ client = [p \in Participants |-> IF p <= Members THEN Founder(p) ELSE Absent(p)]
  /\ faults = [lost |-> Lost, reconnects |-> Reconnects, suspected |-> Suspected,
               frozen |-> Frozen, mute |-> Mute, reloads |-> Reloads]

----------------------------------------------------------------------------
\* The delivery service.

\* `Log::apply`: a decided entry becomes true.
append(entry) ==
  /\ log' = Append(log, entry)
  /\ service' = apply(service, entry)

has_departed(p) ==
  \E i \in 1..Len(log) :
    (log[i].event = "departed" /\ log[i].participant = p) \/ log[i].replaces = p

\* The handshake that a tentative commit becomes.
final(tentative) ==
  Entry("handshake", tentative.sender, tentative.message.expected + 1, tentative.message)

\* `Log::submit`, then `Finality::open`: a submission has arrived. Members are asked whether they can
\* follow it; where there is nobody to ask, it is final. Or it is refused.
Log_submit(p) ==
  /\ client[p].outbox # <<>>
  /\ client[p].outbox[1].step # "upload"
  /\ client' = [client EXCEPT ![p].outbox = <<>>]
  /\ LET message == client[p].outbox[1]
     IN IF is_undecided(finality) \/ message.commit \in finality.dropped
             \/ ~submit(service, log, p, message)
        THEN UNCHANGED <<log, service, finality>>
        ELSE IF judges(service, p) = {}
        THEN append(Entry("handshake", p, service.handshakes + 1, message))
             /\ UNCHANGED finality
        ELSE finality' = opened(finality, service, p, message, Len(log))
             /\ UNCHANGED <<log, service>>
  /\ UNCHANGED faults

\* Whom a judgement waits for: one who is well answers in time.
is_awaited(p) ==
  /\ reads(client[p])
  /\ client[p].health # "mute"
  /\ is_undecided(finality)
  /\ p \in finality.tentative[1].asked

may_time_out == is_undecided(finality) /\ \A p \in Participants : ~is_awaited(p)

time_out ==
  IF is_followed(finality.tentative[1])
  THEN append(final(finality.tentative[1])) /\ finality' = decided(finality)
  ELSE finality' = dropped_now(finality) /\ UNCHANGED <<log, service>>

\* `Finality::handle_timeout`: nobody has answered, or only by a nack.
Log_timeout ==
  /\ may_time_out
  /\ time_out
  /\ UNCHANGED <<client, faults>>

may_judge(p) == is_awaited(p) /\ client[p].position >= finality.tentative[1].at

\* `Committer::on_event` with `Event::CommitPending`, and `Finality::judge`: the first ack decides, and
\* so does the last nack.
Committer_judge(p) ==
  /\ may_judge(p)
  /\ LET tentative == finality.tentative[1]
         acked == can_follow(client[p], tentative.sender, tentative.message)
         rest == without(finality, p, ~acked)
     IN /\ client' = [client EXCEPT ![p] = judge(@, tentative.message, acked)]
        /\ IF acked \/ (rest.tentative[1].asked = {} /\ is_followed(rest.tentative[1]))
           THEN append(final(tentative)) /\ finality' = decided(finality)
           ELSE IF rest.tentative[1].asked = {}
           THEN finality' = dropped_now(finality) /\ UNCHANGED <<log, service>>
           ELSE finality' = rest /\ UNCHANGED <<log, service>>
  /\ UNCHANGED faults

hears_of_drop(p) ==
  reads(client[p]) /\ undecided(client[p]) \cap finality.dropped # {}

\* `Committer::on_event` with `Event::CommitRejected`.
Committer_dropped(p) ==
  /\ hears_of_drop(p)
  /\ client' = [client EXCEPT ![p] = dropped(@, finality.dropped)]
  /\ UNCHANGED <<log, service, finality, faults>>

\* `Log::counts_on`.
may_depart(p) == p \in service.joined /\ p \notin service.departed

\* `Room::mute_until`: a member that hears and is not heard, while somebody waits for members.
keeps_waiting(p) ==
  client[p].health = "mute" /\ p \in service.roster /\ waiting(service) # {}

\* Whose position stands still, or whose socket stays closed, is given up in the end; a client that
\* has come to its end closes its own.
given_up(p) == client[p].health = "frozen" \/ client[p].phase = "over" \/ keeps_waiting(p)

\* `Finality::departed`, with the entry by which somebody is gone: nothing more is taken from it, and
\* no answer expected.
gone(p, farewell) ==
  IF is_undecided(finality) /\ finality.tentative[1].sender = p
  THEN append(farewell) /\ finality' = dropped_now(finality)
  ELSE IF is_undecided(finality) /\ p \in finality.tentative[1].asked
  THEN LET rest == without(finality, p, FALSE)
           entry == final(finality.tentative[1])
       IN IF rest.tentative[1].asked # {}
          THEN append(farewell) /\ finality' = rest
          ELSE IF is_followed(rest.tentative[1])
          THEN /\ log' = Append(Append(log, farewell), entry)
               /\ service' = apply(apply(service, farewell), entry)
               /\ finality' = decided(finality)
          ELSE append(farewell) /\ finality' = dropped_now(finality)
  ELSE append(farewell) /\ UNCHANGED finality

\* `Log::depart`.
depart(p) == gone(p, Departed(p))

\* Whom the log still counts on is replaced.
replaced_by(p) == IF may_depart(client[p].replaces) THEN client[p].replaces ELSE 0

\* `Log::join`: a KeyPackage has arrived. The log alone would take one who is forgotten for new; the
\* room never asks it to, for it listens to nobody whom it has given up.
Log_join(p) ==
  /\ client[p].outbox # <<>>
  /\ client[p].outbox[1].step = "upload"
  /\ client' = [client EXCEPT ![p].outbox = <<>>]
  /\ IF p \in service.joined \/ has_departed(p) THEN UNCHANGED <<log, service, finality>>
     ELSE IF replaced_by(p) = 0 THEN append(Joined(p, 0)) /\ UNCHANGED finality
     ELSE gone(replaced_by(p), Joined(p, replaced_by(p)))
  /\ UNCHANGED faults

Log_depart(p) ==
  /\ may_depart(p)
  /\ given_up(p)
  /\ depart(p)
  /\ UNCHANGED <<client, faults>>

----------------------------------------------------------------------------
\* The clients.

\* Ids are given out in the order of joining.
is_next(p) ==
  /\ client[p].phase = "absent"
  /\ \A q \in 1..(p - 1) : client[q].phase # "absent"

\* `Committer::join`.
Committer_join(p) ==
  /\ is_next(p)
  /\ client' = [client EXCEPT ![p] =
       [join(client[p], service, Len(log)) EXCEPT !.poison = p \in Poison]]
  /\ UNCHANGED <<log, service, finality, faults>>

may_read(p) == reads(client[p]) /\ client[p].position < Len(log)

\* `Committer::on_event` with `Event::Entry`: the next entry of the log.
Committer_read(p) ==
  /\ may_read(p)
  /\ client' = [client EXCEPT ![p] = read(client[p], log[client[p].position + 1])]
  /\ UNCHANGED <<log, service, finality, faults>>

may_fire_turn(p) == reads(client[p]) /\ client[p].turn # NoTurn

\* `Committer::on_event` with `Event::Fired(Timer::Turn)`.
Committer_fired_turn(p) ==
  /\ may_fire_turn(p)
  /\ client' = [client EXCEPT ![p] = fired_turn(client[p])]
  /\ UNCHANGED <<log, service, finality, faults>>

\* Only where it matters: what was sent is neither under way nor decided.
may_fire_resend(p) ==
  /\ reads(client[p])
  /\ client[p].health # "mute"
  /\ client[p].outbox = <<>>
  /\ ~has_departed(p)
  /\ IF client[p].pending # <<>>
     THEN /\ client[p].pending[1].submission.expected = service.handshakes
          /\ ~is_undecided(finality)
          /\ ~hears_of_drop(p)
     ELSE client[p].phase = "unannounced" /\ p \notin service.joined

\* `Committer::on_event` with `Event::Fired(Timer::Resend)`.
Committer_fired_resend(p) ==
  /\ may_fire_resend(p)
  /\ client' = [client EXCEPT ![p] = fired_resend(client[p])]
  /\ UNCHANGED <<log, service, finality, faults>>

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
  /\ UNCHANGED <<log, service, finality>>

\* `Committer::on_event` with `Event::Reconnected`.
Committer_reconnected(p) ==
  /\ reads(client[p])
  /\ fault("reconnects")
  /\ client' = [client EXCEPT ![p] = reconnected(client[p])]
  /\ UNCHANGED <<log, service, finality>>

\* A crash, a hang or a farewell.
freeze(p) ==
  /\ active(client[p])
  /\ client[p].health = "up"
  /\ fault("frozen")
  /\ client' = [client EXCEPT ![p].health = "frozen"]
  /\ UNCHANGED <<log, service, finality>>

mute(p) ==
  /\ active(client[p])
  /\ client[p].health = "up"
  /\ fault("mute")
  /\ client' = [client EXCEPT ![p].health = "mute", ![p].outbox = <<>>]
  /\ UNCHANGED <<log, service, finality>>

\* `Room::succeed` and `Committer::join`: a client whose page is loaded anew, or which has come to its
\* end, comes back as somebody new in its own place.
reload(p) ==
  /\ is_next(p)
  /\ \E q \in Participants :
       /\ client[q].health = "up"
       /\ client[q].phase # "absent"
       /\ ~has_departed(q)
       /\ fault("reloads")
       /\ client' = [client EXCEPT
            ![q].health = "frozen",
            ![p] = [join(client[p], service, Len(log)) EXCEPT !.poison = p \in Poison,
                                                             !.replaces = q]]
  /\ UNCHANGED <<log, service, finality>>

\* `Log::depart` of one who is alive.
suspect(p) ==
  /\ may_depart(p)
  /\ client[p].health # "frozen"
  /\ fault("suspected")
  /\ depart(p)
  /\ UNCHANGED client

----------------------------------------------------------------------------
\* What has to happen, and what may.
Progress ==
  \E p \in Participants :
    \/ Log_join(p)
    \/ Log_submit(p)
    \/ Log_depart(p)
    \/ Log_timeout
    \/ Committer_judge(p)
    \/ Committer_dropped(p)
    \/ Committer_read(p)
    \/ Committer_fired_turn(p)
    \/ Committer_fired_resend(p)
    \/ separate_welcome(p)

World ==
  \E p \in Participants :
    \/ Committer_join(p)
    \/ lose(p)
    \/ Committer_reconnected(p)
    \/ freeze(p)
    \/ mute(p)
    \/ reload(p)
    \/ suspect(p)

Next == Progress \/ World

\* Progress is made of steps that use something up: fairness to all of it together is enough.
Spec == Init /\ [][Next]_vars /\ WF_vars(Progress)
=============================================================================
