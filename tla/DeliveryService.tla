-------------------------- MODULE DeliveryService --------------------------
(***************************************************************************)
(* The delivery service's decisions: crate `mls-delivery`. An operator has *)
(* the name of the Rust function that it models.                           *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

\* An epoch is the identity of the commit that made it, never a number: two commits for one epoch
\* are two epochs. The identity is <<author, which of its drafts>>.
NoEpoch == <<0, 0>>

\* A client's message: `UploadKeyPackage`, or a `Submission`. One record shape for all, since the
\* checker compares only records of one shape. `parent` is the epoch that a commit changes; the
\* service cannot see it, nor that a commit is poisoned: that no other member can process it.
Message(step, commit, parent, expected, roster, welcome, poisoned) ==
  [step |-> step, commit |-> commit, parent |-> parent, expected |-> expected,
   roster |-> roster, welcome |-> welcome, poisoned |-> poisoned]
UploadKeyPackage == Message("upload", NoEpoch, NoEpoch, 0, {}, FALSE, FALSE)

\* A `LogEntry`. A handshake's commit, Welcome and roster are one entry.
Entry(event, participant, count, message) ==
  [event |-> event, participant |-> participant, count |-> count, step |-> message.step,
   commit |-> message.commit, parent |-> message.parent, expected |-> message.expected,
   roster |-> message.roster, poisoned |-> message.poisoned, replaces |-> 0]
\* The replaced participant departs by the same entry; 0 is none.
Joined(participant, replaces) ==
  [Entry("joined", participant, 0, UploadKeyPackage) EXCEPT !.replaces = replaces]
Departed(participant) == Entry("departed", participant, 0, UploadKeyPackage)

\* The state after some entries: `Checkpoint` in the service, `LogView` in a client.
NoEntries == [handshakes |-> 0, roster |-> {}, joined |-> {}, departed |-> {}]

present_members(state) == state.roster \ state.departed
waiting(state) == (state.joined \ state.departed) \ state.roster

\* `Checkpoint::apply`; in a client `LogView::apply_joined`, `apply_departed`, `apply_handshake`.
\* A handshake drops participants that departed and are not members: no commit can add them.
apply(state, entry) ==
  IF entry.event = "joined"
  THEN [state EXCEPT !.joined = @ \cup {entry.participant},
                     !.departed = @ \cup ({entry.replaces} \ {0})]
  ELSE IF entry.event = "departed"
  THEN [state EXCEPT !.departed = @ \cup {entry.participant}]
  ELSE LET over == state.departed \ entry.roster
       IN [state EXCEPT !.handshakes = entry.count, !.roster = entry.roster,
                        !.joined = @ \ over, !.departed = @ \ over]

\* `Log::snapshot`: the state that a joiner gets.
snapshot(state) == state

----------------------------------------------------------------------------
\* `Log::submit` and its conditions.

\* Compare-and-swap on the number of accepted handshakes.
is_stale(state, message) == message.expected # state.handshakes

\* Submissions of departed participants are refused.
still_here(state, sender) == sender \notin state.departed

\* A new group only where no present member is left.
may_create(state, sender, message) ==
  /\ present_members(state) = {}
  /\ sender \in state.joined
  /\ message.roster = {sender}

may_commit(state, sender, message) ==
  LET added == message.roster \ state.roster
  IN /\ sender \in state.roster
     /\ present_members(state) \subseteq message.roster
     /\ added \subseteq state.joined
     /\ message.welcome = (added # {})

may_submit(state, sender, message) ==
  IF message.step = "create" THEN may_create(state, sender, message)
  ELSE may_commit(state, sender, message)

\* `Submitted::Known`: a submission that is resent is accepted once.
accepted(entries, message) ==
  \E i \in 1..Len(entries) :
    entries[i].event = "handshake" /\ entries[i].commit = message.commit

submit(state, entries, sender, message) ==
  /\ ~accepted(entries, message)
  /\ still_here(state, sender)
  /\ ~is_stale(state, message)
  /\ may_submit(state, sender, message)

----------------------------------------------------------------------------
\* `Finality`: at most one commit is pending. `asked` are the members whose vote is missing; `at` is
\* the log's length when they were asked. Rejected commits are remembered: their authors back off for
\* longer than the news of the rejection takes.
NothingUndecided == [pending |-> <<>>, rejected |-> {}]

\* The members that `Finality::open` asks to vote.
voters(state, sender) == present_members(state) \ {sender}

\* `Finality::open`.
opened(finality, state, sender, message, position) ==
  [finality EXCEPT !.pending =
    <<[sender |-> sender, message |-> message, asked |-> voters(state, sender),
       nacked |-> FALSE, at |-> position]>>]

is_undecided(finality) == finality.pending # <<>>
decided(finality) == [finality EXCEPT !.pending = <<>>]
reject_pending(finality) ==
  [pending |-> <<>>, rejected |-> finality.rejected \cup {finality.pending[1].message.commit}]

\* Without a nack it is final when no vote is missing, or after the time limit.
is_final_unanswered(pending) == ~pending.nacked

\* A member votes nack, or its vote is no longer expected.
without(finality, p, nacked) ==
  [finality EXCEPT !.pending[1].asked = @ \ {p}, !.pending[1].nacked = @ \/ nacked]
=============================================================================
