------------------------------- MODULE Trace -------------------------------
(***************************************************************************)
(* Checks a recorded run against the specification: `check_trace.mjs`      *)
(* writes the lines of a trace into a module `Recorded`, and the checker   *)
(* decides whether they are a behaviour of `Meeting`.                      *)
(*                                                                         *)
(* The service's lines are in the order in which it took its steps. A      *)
(* client's lines are in its own order, and each is taken as soon as it    *)
(* can be: a client's step changes what another one can do only through    *)
(* the service. So there is one path, and a trace is refused where it      *)
(* ends.                                                                   *)
(***************************************************************************)
EXTENDS Recorded

VARIABLE at \* how many lines of each are taken; 0 is the service

lines(p) == IF p = 0 THEN Service ELSE Clients[p]
more(p) == at[p] < Len(lines(p))
line(p) == lines(p)[at[p] + 1]
taken(p) == at' = [at EXCEPT ![p] = @ + 1]

TraceInit == Init /\ at = [p \in 0..N |-> 0]

----------------------------------------------------------------------------
\* A client's line.

\* The client after the step that the line names. A timer or a rejection has no effect where the
\* specification has no step for it.
stepped(p, recorded) ==
  IF recorded.step = "read_entry" THEN read_entry(client[p], log[client[p].position + 1])
  ELSE IF recorded.step = "turn_timer" THEN turn_timer(client[p])
  ELSE IF recorded.step = "resend_timer" /\ may_fire_resend_timer(p) THEN resend_timer(client[p])
  ELSE IF recorded.step = "reconnect" THEN reconnect(client[p])
  ELSE IF recorded.step = "commit_rejected" /\ may_discard_rejected(p)
  THEN discard_rejected(client[p], finality.rejected)
  ELSE client[p]

\* The client can take this step.
may_step(p, recorded) ==
  /\ active(client[p])
  /\ (recorded.step = "read_entry" => may_read_entry(p))
  /\ (recorded.step = "turn_timer" => may_fire_turn_timer(p))

state_matches(c, recorded) ==
  /\ c.position = recorded.position
  /\ (IF c.group = <<>> THEN recorded.epoch = NoEpoch
      ELSE c.group[1].secret = recorded.epoch /\ c.group[1].members = recorded.members)
  /\ (IF c.pending = <<>> THEN recorded.pending = NoEpoch
      ELSE c.pending[1].submission.commit = recorded.pending)

\* The client's state after the step is the one in the line.
matches_line(c, recorded) ==
  /\ c.phase = recorded.phase
  /\ c.ended = recorded.ended
  /\ (c.phase = "ended" \/ state_matches(c, recorded))

may_take(p) ==
  /\ p # 0
  /\ more(p)
  /\ may_step(p, line(p))
  /\ matches_line(stepped(p, line(p)), line(p))

ClientStep(p) ==
  /\ may_take(p)
  /\ client' = [client EXCEPT ![p] = stepped(p, line(p))]
  /\ taken(p)
  /\ UNCHANGED <<log, service, finality, faults>>

----------------------------------------------------------------------------
\* The service's line.

is_under_way(p, recorded) == client[p].outbox # <<>> /\ client[p].outbox[1].commit = recorded.commit

\* A participant arrives and gets the log's snapshot.
came(recorded) ==
  /\ client[recorded.participant].phase = "absent"
  /\ recorded.position = Len(log)
  /\ client' = [client EXCEPT ![recorded.participant] =
       [join(@, service, Len(log)) EXCEPT !.replaces = recorded.replaces]]
  /\ UNCHANGED <<log, service, finality, faults>>

joins(recorded) ==
  /\ Log_join(recorded.participant)
  /\ recorded.position = Len(log) + 1
  /\ log'[recorded.position] = Joined(recorded.participant, recorded.replaces)

departs(recorded) ==
  /\ may_depart(recorded.participant)
  /\ depart(recorded.participant)
  /\ recorded.position = Len(log) + 1
  /\ UNCHANGED <<client, faults>>

is_the_same(message, recorded) ==
  /\ message.expected = recorded.expected
  /\ message.roster = recorded.roster
  /\ message.welcome = recorded.welcome
  /\ (message.step = "create") = recorded.creates

\* No other member is connected, so none is asked. The specification has no connections: its members
\* would be asked, and none would answer.
final_at_once(p) ==
  LET message == client[p].outbox[1]
  IN /\ ~is_undecided(finality)
     /\ message.commit \notin finality.rejected
     /\ submit(service, log, p, message)
     /\ append(Entry("handshake", p, service.handshakes + 1, message))
     /\ client' = [client EXCEPT ![p].outbox = <<>>]
     /\ UNCHANGED <<finality, faults>>

\* The outcome of a submission is the specification's. A submission that is no longer under way was
\* sent twice, or was given up by its author.
submits(recorded) ==
  IF is_under_way(recorded.participant, recorded)
  THEN /\ (IF recorded.outcome = "final" THEN final_at_once(recorded.participant)
           ELSE Log_submit(recorded.participant))
       /\ is_the_same(client[recorded.participant].outbox[1], recorded)
       /\ (recorded.outcome = "commit_pending"
             => (is_undecided(finality') /\ ~is_undecided(finality)))
       /\ (recorded.outcome \in {"known", "refused"} => UNCHANGED <<log, finality>>)
  ELSE /\ recorded.outcome \in {"known", "refused"}
       /\ UNCHANGED vars

votes(recorded) ==
  IF recorded.outcome = "void" THEN UNCHANGED vars
  ELSE /\ Committer_vote(recorded.participant)
       /\ finality.pending[1].message.commit = recorded.commit
       /\ can_process(client[recorded.participant], finality.pending[1].sender,
                     finality.pending[1].message) = recorded.acked
       /\ (recorded.outcome = "final" => Len(log') > Len(log))
       /\ (recorded.outcome = "commit_rejected" => recorded.commit \in finality'.rejected)
       /\ (recorded.outcome = "commit_pending" => is_undecided(finality'))

\* The trace does not say why no member answered.
times_out(recorded) ==
  /\ is_undecided(finality)
  /\ finality.pending[1].message.commit = recorded.commit
  /\ is_final_unanswered(finality.pending[1]) = (recorded.outcome = "final")
  /\ time_out
  /\ UNCHANGED <<client, faults>>

\* The entry was appended by the step before.
has_handshake(recorded) ==
  /\ recorded.position <= Len(log)
  /\ log[recorded.position].commit = recorded.commit
  /\ log[recorded.position].count = recorded.count
  /\ UNCHANGED vars

ServiceStep ==
  /\ more(0)
  /\ \A p \in Participants : ~may_take(p)
  /\ LET recorded == line(0)
     IN IF recorded.step = "came" THEN came(recorded)
        ELSE IF recorded.step = "joined" THEN joins(recorded)
        ELSE IF recorded.step = "departed" THEN departs(recorded)
        ELSE IF recorded.step = "submitted" THEN submits(recorded)
        ELSE IF recorded.step = "voted" THEN votes(recorded)
        ELSE IF recorded.step = "timed_out" THEN times_out(recorded)
        ELSE has_handshake(recorded)
  /\ taken(0)

\* One client after the other, then the service: their steps are independent.
TraceNext ==
  \/ \E p \in Participants : ClientStep(p) /\ (\A q \in 1..(p - 1) : ~may_take(q))
  \/ ServiceStep

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, at>>

\* A trace that is a behaviour of the specification to its end "violates" this.
Unfinished == \E p \in 0..N : more(p)
=============================================================================
