-------------------------- MODULE DeliveryService --------------------------
(***************************************************************************)
(* The delivery service's decisions: crate `mls-delivery`. An operator has *)
(* the name of the Rust function that it stands for.                       *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

\* An epoch is the identity of the commit that made it, never a number: two commits for one epoch
\* are two epochs. The identity is <<author, which of its drafts>>.
NoEpoch == <<0, 0>>

\* What a client hands in: `UploadKeyPackage`, or a `Submission`. One record for all three, since
\* a checker compares records of one shape only. `parent` is the epoch that a commit changes; the
\* service cannot see it, nor that a commit is poisoned: that nobody but its author can follow it.
Message(step, commit, parent, expected, roster, welcome, poisoned) ==
  [step |-> step, commit |-> commit, parent |-> parent, expected |-> expected,
   roster |-> roster, welcome |-> welcome, poisoned |-> poisoned]
UploadKeyPackage == Message("upload", NoEpoch, NoEpoch, 0, {}, FALSE, FALSE)

\* A `LogEntry`. A handshake's commit, Welcome and roster are one entry.
Entry(event, participant, count, message) ==
  [event |-> event, participant |-> participant, count |-> count, step |-> message.step,
   commit |-> message.commit, parent |-> message.parent, expected |-> message.expected,
   roster |-> message.roster, poisoned |-> message.poisoned, replaces |-> 0]
\* Whoever is replaced departs by the same entry; 0 is nobody.
Joined(participant, replaces) ==
  [Entry("joined", participant, 0, UploadKeyPackage) EXCEPT !.replaces = replaces]
Departed(participant) == Entry("departed", participant, 0, UploadKeyPackage)

\* What entries add up to: `Checkpoint` in the service, `LogView` in a client.
NoEntries == [handshakes |-> 0, roster |-> {}, joined |-> {}, departed |-> {}]

present_members(state) == state.roster \ state.departed
waiting(state) == (state.joined \ state.departed) \ state.roster

\* `Checkpoint::apply`; in a client `LogView::join`, `LogView::depart` and `LogView::take`.
\* Whoever departed and is no member is forgotten with a handshake: no commit can add it any more.
apply(state, entry) ==
  IF entry.event = "joined"
  THEN [state EXCEPT !.joined = @ \cup {entry.participant},
                     !.departed = @ \cup ({entry.replaces} \ {0})]
  ELSE IF entry.event = "departed"
  THEN [state EXCEPT !.departed = @ \cup {entry.participant}]
  ELSE LET over == state.departed \ entry.roster
       IN [state EXCEPT !.handshakes = entry.count, !.roster = entry.roster,
                        !.joined = @ \ over, !.departed = @ \ over]

\* `Log::snapshot`: what a joiner is told.
snapshot(state) == state

----------------------------------------------------------------------------
\* `Log::submit`, and what it asks.

\* Compare-and-swap on the number of accepted handshakes.
is_stale(state, message) == message.expected # state.handshakes

\* Nothing is taken from one who is gone.
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

\* `Submitted::Known`: a resent submission that was taken before is taken once.
accepted(entries, message) ==
  \E i \in 1..Len(entries) :
    entries[i].event = "handshake" /\ entries[i].commit = message.commit

submit(state, entries, sender, message) ==
  /\ ~accepted(entries, message)
  /\ still_here(state, sender)
  /\ ~is_stale(state, message)
  /\ may_submit(state, sender, message)

----------------------------------------------------------------------------
\* `Finality`: at most one commit is being judged. `asked` are those who may answer and have not;
\* `at` is where the log was when they were asked. What was dropped is remembered: whoever handed
\* it in steps back for longer than it takes to hear of it.
NothingUndecided == [tentative |-> <<>>, dropped |-> {}]

\* Whom `Finality::open` asks.
judges(state, sender) == present_members(state) \ {sender}

\* `Finality::open`.
opened(finality, state, sender, message, position) ==
  [finality EXCEPT !.tentative =
    <<[sender |-> sender, message |-> message, asked |-> judges(state, sender),
       nacked |-> FALSE, at |-> position]>>]

is_undecided(finality) == finality.tentative # <<>>
decided(finality) == [finality EXCEPT !.tentative = <<>>]
dropped_now(finality) ==
  [tentative |-> <<>>, dropped |-> finality.dropped \cup {finality.tentative[1].message.commit}]

\* Whether it is final when nobody is left to answer.
is_followed(tentative) == ~tentative.nacked

\* What becomes of it when somebody answers no, or is not expected to answer any more.
without(finality, p, nacked) ==
  [finality EXCEPT !.tentative[1].asked = @ \ {p}, !.tentative[1].nacked = @ \/ nacked]
=============================================================================
