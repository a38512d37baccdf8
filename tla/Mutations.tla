----------------------------- MODULE Mutations -----------------------------
(***************************************************************************)
(* Each of these breaks one rule. A configuration puts one of them in the  *)
(* place of the operator that keeps the rule; the check has to notice.     *)
(***************************************************************************)
EXTENDS Properties

\* For submit's compare-and-swap: commits, or creates, are not compared.
stale_create_only(state, message) ==
  message.step = "create" /\ message.expected # state.handshakes
stale_commit_only(state, message) ==
  message.step = "commit" /\ message.expected # state.handshakes
create_at_any_time(state, sender, message) == TRUE

\* An own commit takes effect when it is sent.
merged_when_sent(c) ==
  IF c.phase = "member" /\ c.pending[1].submission.step = "commit"
  THEN LET message == c.pending[1].submission
       IN [c EXCEPT !.group = <<Group(message.expected + 1, message.commit, message.roster)>>]
  ELSE c

\* What is sent is pending no more, whatever becomes of it.
drained_when_sent(c) ==
  [c EXCEPT !.skipped = @ \cup (c.pending[1].submission.roster \ c.view.roster)]

\* The Welcome is sent before the commit: to whom a pending commit adds.
welcomed_by(p, message) ==
  LET welcomed == [client[p] EXCEPT
        !.group = <<Group(message.expected + 1, message.commit, message.roster)>>,
        !.phase = "member"]
  IN client' = [client EXCEPT ![p] = welcomed]

welcome_before_commit(p) ==
  /\ client[p].phase = "waiting"
  /\ reads(client[p])
  /\ \E q \in Participants :
       /\ client[q].pending # <<>>
       /\ p \in client[q].pending[1].submission.roster \ {q}
       /\ welcomed_by(p, client[q].pending[1].submission)
  /\ UNCHANGED <<log, service, finality, faults>>

\* The Welcome is sent after the commit: by whoever made it, when it has read it.
entry_without_welcome(c, entry) ==
  IF entry.participant = c.me
  THEN [c EXCEPT !.group = <<Group(entry.count, entry.commit, entry.roster)>>,
                 !.phase = "member"]
  ELSE c

welcome_after_commit(p) ==
  /\ client[p].phase = "waiting"
  /\ reads(client[p])
  /\ p \in client[p].view.roster
  /\ \E q \in Participants :
       /\ q # p
       /\ reads(client[q])
       /\ client[q].group # <<>>
       /\ p \in client[q].group[1].members
       /\ client' = [client EXCEPT ![p].group = client[q].group, ![p].phase = "member"]
  /\ UNCHANGED <<log, service, finality, faults>>

\* Where there was a group once, there is no other.
alone_at_first(view) == view.handshakes = 0

\* Whoever waits makes a group.
alone_always(view) == TRUE

\* A joiner is told less.
snapshot_without_departed(state) == [state EXCEPT !.departed = {}]
snapshot_without_waiting(state) == [state EXCEPT !.joined = state.roster]

\* A client that has reconnected makes its commit anew.
made_anew(c) ==
  LET silent == [c EXCEPT !.outbox = <<>>]
  IN IF c.pending # <<>> /\ c.phase = "member" THEN propose([silent EXCEPT !.pending = <<>>])
     ELSE IF c.pending # <<>> THEN resend(silent)
     ELSE silent

\* Nothing is sent twice.
never(p) == FALSE
sent_once(c) == [c EXCEPT !.outbox = <<>>]

\* Whoever is removed goes on reading, and following.
followed(c, entry) == follow(c, entry)
unmoved(c, entry) == [c EXCEPT !.view = apply(@, entry)]

\* A Welcome gives the keys of the epoch before.
enter_the_epoch_before(c, entry) ==
  [c EXCEPT !.phase = "member",
            !.group = IF entry.step = "create" \/ entry.participant = c.me
                      THEN <<Group(entry.count, entry.commit, entry.roster)>>
                      ELSE <<Group(entry.count - 1, entry.parent, entry.roster)>>]

\* Who comes back is a newcomer like any other, and its old leaf somebody who is there.
beside_the_old_one(view, entry) == [view EXCEPT !.joined = @ \cup {entry.participant}]

\* Nobody stands by.
only_the_designated_one(c, place) == c

\* The service listens to those who are gone.
anybody(state, sender) == TRUE

\* The Welcome goes out with the tentative commit.
welcome_while_tentative(p) ==
  /\ client[p].phase = "waiting"
  /\ reads(client[p])
  /\ is_undecided(finality)
  /\ p \in finality.tentative[1].message.roster
  /\ welcomed_by(p, finality.tentative[1].message)
  /\ UNCHANGED <<log, service, finality, faults>>

\* The committer answers for itself.
judges_with_the_committer(state, sender) == present_members(state)

\* What was refused is final.
followed_anyway(tentative) == TRUE

\* Who can follow a tentative commit follows it at once.
merged_when_judged(c, message, acked) ==
  IF acked
  THEN [c EXCEPT !.group = <<Group(message.expected + 1, message.commit, message.roster)>>,
                 !.judged = <<[commit |-> message.commit, acked |-> acked]>>]
  ELSE [c EXCEPT !.judged = <<[commit |-> message.commit, acked |-> acked]>>]

\* Whose commit was dropped keeps it.
dropped_in_vain(c, gone) == c
=============================================================================
