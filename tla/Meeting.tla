------------------------------ MODULE Meeting ------------------------------
(***************************************************************************)
(* A room: the delivery service, its participants and a faulty network. An *)
(* action is named after the Rust function that takes the step. Faults     *)
(* have no function; they are named after what goes wrong.                 *)
(***************************************************************************)
EXTENDS Committer

CONSTANTS
  N,            \* participants; a participant that rejoins is a new one
  Members,      \* how many of them are members from the start
  Lost,         \* how many submissions or KeyPackages the network may lose
  Reconnects,   \* how many sockets may break and reconnect
  Suspected,    \* how many live participants may be declared departed
  Frozen,       \* how many may crash, hang or leave
  Unresponsive, \* how many may go on reading while all their messages are lost
  Reloads,      \* how many pages may be reloaded
  Poison        \* participants whose first commit no other member can process

VARIABLES
  log,      \* the entries: `Log::retained`
  service,  \* the state after them: `Log::state`
  finality, \* the pending commit: `Finality`
  client,   \* every participant, and its message under way
  faults    \* how many of each kind are left

vars == <<log, service, finality, client, faults>>

Participants == 1..N

\* Where some are members from the start, the first one has created the group and added the others
\* one by one.
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
               frozen |-> Frozen, unresponsive |-> Unresponsive, reloads |-> Reloads]

----------------------------------------------------------------------------
\* The delivery service.

\* `Log::apply`: appends a decided entry.
append(entry) ==
  /\ log' = Append(log, entry)
  /\ service' = apply(service, entry)

has_departed(p) ==
  \E i \in 1..Len(log) :
    (log[i].event = "departed" /\ log[i].participant = p) \/ log[i].replaces = p

\* The log entry of a pending commit that is final.
final(pending) ==
  Entry("handshake", pending.sender, pending.message.expected + 1, pending.message)

\* `Log::submit`, then `Finality::open`: a submission arrives. The other members vote on it; where
\* there are none, it is final at once. Or it is refused.
Log_submit(p) ==
  /\ client[p].outbox # <<>>
  /\ client[p].outbox[1].step # "upload"
  /\ client' = [client EXCEPT ![p].outbox = <<>>]
  /\ LET message == client[p].outbox[1]
     IN IF is_undecided(finality) \/ message.commit \in finality.rejected
             \/ ~submit(service, log, p, message)
        THEN UNCHANGED <<log, service, finality>>
        ELSE IF voters(service, p) = {}
        THEN append(Entry("handshake", p, service.handshakes + 1, message))
             /\ UNCHANGED finality
        ELSE finality' = opened(finality, service, p, message, Len(log))
             /\ UNCHANGED <<log, service>>
  /\ UNCHANGED faults

\* The vote waits for this member: a responsive member answers in time.
is_awaited(p) ==
  /\ reads(client[p])
  /\ client[p].health # "unresponsive"
  /\ is_undecided(finality)
  /\ p \in finality.pending[1].asked

may_time_out == is_undecided(finality) /\ \A p \in Participants : ~is_awaited(p)

time_out ==
  IF is_final_unanswered(finality.pending[1])
  THEN append(final(finality.pending[1])) /\ finality' = decided(finality)
  ELSE finality' = reject_pending(finality) /\ UNCHANGED <<log, service>>

\* `Finality::handle_timeout`: no member has answered, or only with a nack.
Log_timeout ==
  /\ may_time_out
  /\ time_out
  /\ UNCHANGED <<client, faults>>

may_vote(p) == is_awaited(p) /\ client[p].position >= finality.pending[1].at

\* `Committer::on_event` with `Event::CommitPending`, and `Finality::record_vote`: the first ack decides, and
\* so does the last nack.
Committer_vote(p) ==
  /\ may_vote(p)
  /\ LET pending == finality.pending[1]
         acked == can_process(client[p], pending.sender, pending.message)
         rest == without(finality, p, ~acked)
     IN /\ client' = [client EXCEPT ![p] = vote_on_commit(@, pending.message, acked)]
        /\ IF acked \/ (rest.pending[1].asked = {} /\ is_final_unanswered(rest.pending[1]))
           THEN append(final(pending)) /\ finality' = decided(finality)
           ELSE IF rest.pending[1].asked = {}
           THEN finality' = reject_pending(finality) /\ UNCHANGED <<log, service>>
           ELSE finality' = rest /\ UNCHANGED <<log, service>>
  /\ UNCHANGED faults

may_discard_rejected(p) ==
  reads(client[p]) /\ undecided(client[p]) \cap finality.rejected # {}

\* `Committer::on_event` with `Event::CommitRejected`.
Committer_discard_rejected(p) ==
  /\ may_discard_rejected(p)
  /\ client' = [client EXCEPT ![p] = discard_rejected(@, finality.rejected)]
  /\ UNCHANGED <<log, service, finality, faults>>

\* `Log::counts_on`.
may_depart(p) == p \in service.joined /\ p \notin service.departed

\* `Room::unresponsive_deadline`: a member that reads, but sends nothing while a participant waits.
blocks_joins(p) ==
  client[p].health = "unresponsive" /\ p \in service.roster /\ waiting(service) # {}

\* The service evicts a participant whose log position stands still or whose socket stays closed. A
\* client at its end closes its own socket.
is_evictable(p) == client[p].health = "frozen" \/ client[p].phase = "ended" \/ blocks_joins(p)

\* `Finality::departed`, with the log entry of a departure: nothing more is accepted from that
\* participant, and no vote expected.
depart_with(p, departure) ==
  IF is_undecided(finality) /\ finality.pending[1].sender = p
  THEN append(departure) /\ finality' = reject_pending(finality)
  ELSE IF is_undecided(finality) /\ p \in finality.pending[1].asked
  THEN LET rest == without(finality, p, FALSE)
           entry == final(finality.pending[1])
       IN IF rest.pending[1].asked # {}
          THEN append(departure) /\ finality' = rest
          ELSE IF is_final_unanswered(rest.pending[1])
          THEN /\ log' = Append(Append(log, departure), entry)
               /\ service' = apply(apply(service, departure), entry)
               /\ finality' = decided(finality)
          ELSE append(departure) /\ finality' = reject_pending(finality)
  ELSE append(departure) /\ UNCHANGED finality

\* `Log::depart`.
depart(p) == depart_with(p, Departed(p))

\* The predecessor, if it is still present.
replaced_by(p) == IF may_depart(client[p].replaces) THEN client[p].replaces ELSE 0

\* `Log::join`: a KeyPackage arrives. The log has forgotten earlier departures and would accept the
\* same id again; the room never lets it, because it ignores departed participants.
Log_join(p) ==
  /\ client[p].outbox # <<>>
  /\ client[p].outbox[1].step = "upload"
  /\ client' = [client EXCEPT ![p].outbox = <<>>]
  /\ IF p \in service.joined \/ has_departed(p) THEN UNCHANGED <<log, service, finality>>
     ELSE IF replaced_by(p) = 0 THEN append(Joined(p, 0)) /\ UNCHANGED finality
     ELSE depart_with(replaced_by(p), Joined(p, replaced_by(p)))
  /\ UNCHANGED faults

Log_depart(p) ==
  /\ may_depart(p)
  /\ is_evictable(p)
  /\ depart(p)
  /\ UNCHANGED <<client, faults>>

----------------------------------------------------------------------------
\* The clients.

\* Ids are assigned in join order.
is_next(p) ==
  /\ client[p].phase = "absent"
  /\ \A q \in 1..(p - 1) : client[q].phase # "absent"

\* `Committer::join`.
Committer_join(p) ==
  /\ is_next(p)
  /\ client' = [client EXCEPT ![p] =
       [join(client[p], service, Len(log)) EXCEPT !.poison = p \in Poison]]
  /\ UNCHANGED <<log, service, finality, faults>>

may_read_entry(p) == reads(client[p]) /\ client[p].position < Len(log)

\* `Committer::on_event` with `Event::Entry`: the next entry of the log.
Committer_read_entry(p) ==
  /\ may_read_entry(p)
  /\ client' = [client EXCEPT ![p] = read_entry(client[p], log[client[p].position + 1])]
  /\ UNCHANGED <<log, service, finality, faults>>

may_fire_turn_timer(p) == reads(client[p]) /\ client[p].turn # NoTurn

\* `Committer::on_event` with `Event::Fired(Timer::Turn)`.
Committer_turn_timer(p) ==
  /\ may_fire_turn_timer(p)
  /\ client' = [client EXCEPT ![p] = turn_timer(client[p])]
  /\ UNCHANGED <<log, service, finality, faults>>

\* Only where it matters: the message is neither under way nor decided.
may_fire_resend_timer(p) ==
  /\ reads(client[p])
  /\ client[p].health # "unresponsive"
  /\ client[p].outbox = <<>>
  /\ ~has_departed(p)
  /\ IF client[p].pending # <<>>
     THEN /\ client[p].pending[1].submission.expected = service.handshakes
          /\ ~is_undecided(finality)
          /\ ~may_discard_rejected(p)
     ELSE client[p].phase = "uploading" /\ p \notin service.joined

\* `Committer::on_event` with `Event::Fired(Timer::Resend)`.
Committer_resend_timer(p) ==
  /\ may_fire_resend_timer(p)
  /\ client' = [client EXCEPT ![p] = resend_timer(client[p])]
  /\ UNCHANGED <<log, service, finality, faults>>

\* A mutation sends a Welcome by itself.
separate_welcome(p) == FALSE

----------------------------------------------------------------------------
\* Faults.

fault(kind) ==
  /\ faults[kind] > 0
  /\ faults' = [faults EXCEPT ![kind] = @ - 1]

\* `Room::not_appended`, or a server that stops before it stores the message.
lose_message(p) ==
  /\ client[p].outbox # <<>>
  /\ fault("lost")
  /\ client' = [client EXCEPT ![p].outbox = <<>>]
  /\ UNCHANGED <<log, service, finality>>

\* `Committer::on_event` with `Event::Reconnected`.
Committer_reconnect(p) ==
  /\ reads(client[p])
  /\ fault("reconnects")
  /\ client' = [client EXCEPT ![p] = reconnect(client[p])]
  /\ UNCHANGED <<log, service, finality>>

\* A crash, a hang, or a participant that leaves.
freeze(p) ==
  /\ active(client[p])
  /\ client[p].health = "up"
  /\ fault("frozen")
  /\ client' = [client EXCEPT ![p].health = "frozen"]
  /\ UNCHANGED <<log, service, finality>>

stop_responding(p) ==
  /\ active(client[p])
  /\ client[p].health = "up"
  /\ fault("unresponsive")
  /\ client' = [client EXCEPT ![p].health = "unresponsive", ![p].outbox = <<>>]
  /\ UNCHANGED <<log, service, finality>>

\* `Room::take_over` and `Committer::join`: a client whose page is reloaded, or which is at its end,
\* joins as a new participant and replaces its predecessor.
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

\* `Log::depart` of a live participant.
suspect(p) ==
  /\ may_depart(p)
  /\ client[p].health # "frozen"
  /\ fault("suspected")
  /\ depart(p)
  /\ UNCHANGED client

----------------------------------------------------------------------------
\* Steps that must happen eventually, and steps that may.
Progress ==
  \E p \in Participants :
    \/ Log_join(p)
    \/ Log_submit(p)
    \/ Log_depart(p)
    \/ Log_timeout
    \/ Committer_vote(p)
    \/ Committer_discard_rejected(p)
    \/ Committer_read_entry(p)
    \/ Committer_turn_timer(p)
    \/ Committer_resend_timer(p)
    \/ separate_welcome(p)

World ==
  \E p \in Participants :
    \/ Committer_join(p)
    \/ lose_message(p)
    \/ Committer_reconnect(p)
    \/ freeze(p)
    \/ stop_responding(p)
    \/ reload(p)
    \/ suspect(p)

Next == Progress \/ World

\* Every step of Progress uses something up, so weak fairness to all of it together is enough.
Spec == Init /\ [][Next]_vars /\ WF_vars(Progress)
=============================================================================
