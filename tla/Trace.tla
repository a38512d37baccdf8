------------------------------- MODULE Trace -------------------------------
(***************************************************************************)
(* What a real room did, held against the specification: `check_trace.mjs` *)
(* writes the lines of a trace into a module `Recorded`, and the checker   *)
(* looks whether they are a behaviour of `Meeting`.                        *)
(*                                                                         *)
(* The service's lines are in the order in which it took its steps. A      *)
(* client's lines are in its own order, and each is taken as soon as it    *)
(* can be: nothing that a client does changes what another one can do      *)
(* before the service has heard of it. So there is one way to go, and the  *)
(* trace is refused where it ends.                                         *)
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

\* The function of the client that the line names. A timer that fires, or a drop that is heard of,
\* where the specification has nothing to do, does nothing.
stepped(p, told) ==
  IF told.step = "read" THEN read(client[p], log[client[p].position + 1])
  ELSE IF told.step = "fired_turn" THEN fired_turn(client[p])
  ELSE IF told.step = "fired_resend" /\ may_fire_resend(p) THEN fired_resend(client[p])
  ELSE IF told.step = "reconnected" THEN reconnected(client[p])
  ELSE IF told.step = "commit_rejected" /\ hears_of_drop(p) THEN dropped(client[p], finality.dropped)
  ELSE client[p]

\* Whether the client can take it.
may_step(p, told) ==
  /\ active(client[p])
  /\ (told.step = "read" => may_read(p))
  /\ (told.step = "fired_turn" => may_fire_turn(p))

stands_as_told(c, told) ==
  /\ c.position = told.position
  /\ (IF c.group = <<>> THEN told.epoch = NoEpoch
      ELSE c.group[1].secret = told.epoch /\ c.group[1].members = told.members)
  /\ (IF c.pending = <<>> THEN told.pending = NoEpoch
      ELSE c.pending[1].submission.commit = told.pending)

\* What the client said of itself afterwards is so.
is_as_told(c, told) ==
  /\ c.phase = told.phase
  /\ c.ended = told.ended
  /\ (c.phase = "over" \/ stands_as_told(c, told))

may_follow(p) ==
  /\ p # 0
  /\ more(p)
  /\ may_step(p, line(p))
  /\ is_as_told(stepped(p, line(p)), line(p))

ClientStep(p) ==
  /\ may_follow(p)
  /\ client' = [client EXCEPT ![p] = stepped(p, line(p))]
  /\ taken(p)
  /\ UNCHANGED <<log, service, finality, faults>>

----------------------------------------------------------------------------
\* The service's line.

is_under_way(p, told) == client[p].outbox # <<>> /\ client[p].outbox[1].commit = told.commit

\* Somebody comes, and is told where the log stands.
came(told) ==
  /\ client[told.participant].phase = "absent"
  /\ told.position = Len(log)
  /\ client' = [client EXCEPT ![told.participant] =
       [join(@, service, Len(log)) EXCEPT !.replaces = told.replaces]]
  /\ UNCHANGED <<log, service, finality, faults>>

joins(told) ==
  /\ Log_join(told.participant)
  /\ told.position = Len(log) + 1
  /\ log'[told.position] = Joined(told.participant, told.replaces)

departs(told) ==
  /\ may_depart(told.participant)
  /\ depart(told.participant)
  /\ told.position = Len(log) + 1
  /\ UNCHANGED <<client, faults>>

is_the_same(message, told) ==
  /\ message.expected = told.expected
  /\ message.roster = told.roster
  /\ message.welcome = told.welcome
  /\ (message.step = "create") = told.creates

\* Nobody could be asked: no other member is connected. The specification has no connections; there,
\* the members would be asked, and none of them would answer.
final_at_once(p) ==
  LET message == client[p].outbox[1]
  IN /\ ~is_undecided(finality)
     /\ message.commit \notin finality.dropped
     /\ submit(service, log, p, message)
     /\ append(Entry("handshake", p, service.handshakes + 1, message))
     /\ client' = [client EXCEPT ![p].outbox = <<>>]
     /\ UNCHANGED <<finality, faults>>

\* What becomes of a submission is what the specification makes of it.
\* One that is under way no more was sent more than once, or was given up meanwhile.
submits(told) ==
  IF is_under_way(told.participant, told)
  THEN /\ (IF told.outcome = "final" THEN final_at_once(told.participant)
           ELSE Log_submit(told.participant))
       /\ is_the_same(client[told.participant].outbox[1], told)
       /\ (told.outcome = "commit_pending" => (is_undecided(finality') /\ ~is_undecided(finality)))
       /\ (told.outcome \in {"known", "refused"} => UNCHANGED <<log, finality>>)
  ELSE /\ told.outcome \in {"known", "refused"}
       /\ UNCHANGED vars

judges_it(told) ==
  IF told.outcome = "void" THEN UNCHANGED vars
  ELSE /\ Committer_judge(told.participant)
       /\ finality.tentative[1].message.commit = told.commit
       /\ can_follow(client[told.participant], finality.tentative[1].sender,
                     finality.tentative[1].message) = told.acked
       /\ (told.outcome = "final" => Len(log') > Len(log))
       /\ (told.outcome = "commit_rejected" => told.commit \in finality'.dropped)
       /\ (told.outcome = "commit_pending" => is_undecided(finality'))

\* Why nobody answered is not told.
times_out(told) ==
  /\ is_undecided(finality)
  /\ finality.tentative[1].message.commit = told.commit
  /\ is_followed(finality.tentative[1]) = (told.outcome = "final")
  /\ time_out
  /\ UNCHANGED <<client, faults>>

\* The log has it: it came with the step before.
has_handshake(told) ==
  /\ told.position <= Len(log)
  /\ log[told.position].commit = told.commit
  /\ log[told.position].count = told.count
  /\ UNCHANGED vars

ServiceStep ==
  /\ more(0)
  /\ \A p \in Participants : ~may_follow(p)
  /\ LET told == line(0)
     IN IF told.step = "came" THEN came(told)
        ELSE IF told.step = "joined" THEN joins(told)
        ELSE IF told.step = "departed" THEN departs(told)
        ELSE IF told.step = "submitted" THEN submits(told)
        ELSE IF told.step = "judged" THEN judges_it(told)
        ELSE IF told.step = "timed_out" THEN times_out(told)
        ELSE has_handshake(told)
  /\ taken(0)

\* One client after the other, then the service: none is in another's way.
TraceNext ==
  \/ \E p \in Participants : ClientStep(p) /\ (\A q \in 1..(p - 1) : ~may_follow(q))
  \/ ServiceStep

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, at>>

\* "Violated" by a trace that is a behaviour of the specification to its end.
Unfinished == \E p \in 0..N : more(p)
=============================================================================
