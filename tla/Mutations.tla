----------------------------- MODULE Mutations -----------------------------
(***************************************************************************)
(* Each of these breaks one rule. A configuration substitutes it for the   *)
(* operator that keeps the rule; the check must find a violation.          *)
(***************************************************************************)
EXTENDS Properties

\* `submit` does not compare the handshake count of commits, or of creates.
stale_create_only(state, message) ==
  message.step = "create" /\ message.expected # state.handshakes
stale_commit_only(state, message) ==
  message.step = "commit" /\ message.expected # state.handshakes
create_at_any_time(state, sender, message) == TRUE

\* An own commit is merged when it is sent.
merged_when_sent(c) ==
  IF c.phase = "member" /\ c.pending[1].submission.step = "commit"
  THEN LET message == c.pending[1].submission
       IN [c EXCEPT !.group = <<Group(message.expected + 1, message.commit, message.roster)>>]
  ELSE c

\* Work is dropped from the queue when it is sent, whatever its outcome.
drained_when_sent(c) ==
  [c EXCEPT !.skipped = @ \cup (c.pending[1].submission.roster \ c.view.roster)]

\* The Welcome is sent before the commit, to a participant that a pending commit adds.
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

\* The Welcome is sent after the commit, by its author when it has read the entry.
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

\* A group is created only once in a room.
alone_at_first(view) == view.handshakes = 0

\* Any waiting participant may create a group.
alone_always(view) == TRUE

\* The snapshot of a joiner is incomplete.
snapshot_without_departed(state) == [state EXCEPT !.departed = {}]
snapshot_without_waiting(state) == [state EXCEPT !.joined = state.roster]

\* A client makes its commit again after a reconnect.
made_again(c) ==
  LET silent == [c EXCEPT !.outbox = <<>>]
  IN IF c.pending # <<>> /\ c.phase = "member"
     THEN schedule_commit([silent EXCEPT !.pending = <<>>])
     ELSE IF c.pending # <<>> THEN resend(silent)
     ELSE silent

\* No message is resent.
never(p) == FALSE
sent_once(c) == [c EXCEPT !.outbox = <<>>]

\* A removed member goes on reading and processing commits.
processed_anyway(c, entry) == process_commit(c, entry)
unmoved(c, entry) == [c EXCEPT !.view = apply(@, entry)]

\* A Welcome gives the keys of the previous epoch.
join_the_epoch_before(c, entry) ==
  [c EXCEPT !.phase = "member",
            !.group = IF entry.step = "create" \/ entry.participant = c.me
                      THEN <<Group(entry.count, entry.commit, entry.roster)>>
                      ELSE <<Group(entry.count - 1, entry.parent, entry.roster)>>]

\* A participant that rejoins is added like any other, and its predecessor stays present.
beside_the_old_one(view, entry) == [view EXCEPT !.joined = @ \cup {entry.participant}]

\* There are no backup committers.
only_the_designated_one(c, place) == c

\* The service accepts submissions of departed participants.
any_sender(state, sender) == TRUE

\* The Welcome is sent with the pending commit.
welcome_while_pending(p) ==
  /\ client[p].phase = "waiting"
  /\ reads(client[p])
  /\ is_undecided(finality)
  /\ p \in finality.pending[1].message.roster
  /\ welcomed_by(p, finality.pending[1].message)
  /\ UNCHANGED <<log, service, finality, faults>>

\* The committer votes on its own commit.
voters_with_the_committer(state, sender) == present_members(state)

\* A commit with nacks is final.
final_anyway(pending) == TRUE

\* A member merges a pending commit when it votes ack.
merged_when_voted(c, message, acked) ==
  IF acked
  THEN [c EXCEPT !.group = <<Group(message.expected + 1, message.commit, message.roster)>>,
                 !.voted = <<[commit |-> message.commit, acked |-> acked]>>]
  ELSE [c EXCEPT !.voted = <<[commit |-> message.commit, acked |-> acked]>>]

\* The author of a rejected commit keeps it.
keeps_rejected(c, gone) == c
=============================================================================
