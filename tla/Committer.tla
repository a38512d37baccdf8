----------------------------- MODULE Committer -----------------------------
(***************************************************************************)
(* One client's decisions: `web-client/e2ee/src/committer`. An operator    *)
(* has the name of the Rust function that it stands for; it takes a client *)
(* and gives the client after it. Timers have no durations: one that is    *)
(* set may fire at any time.                                               *)
(***************************************************************************)
EXTENDS DeliveryService

CONSTANT Bad \* participants whose KeyPackages are not admissible

\* `turn`: not set, a rank, or after a refusal. The lesser one comes first.
NoTurn == -1
SteppedBack == 100
NoRank == -1
\* Sends are counted no further (`pending::ENOUGH`).
Enough == 8

\* `phase` is `Phase`, with "absent" for one who has not joined; `ended` is the `RejoinReason`.
\* `group`, `pending`, `judged` and `outbox` hold at most one thing; `poison`: the next commit will
\* be one that nobody else can follow. `outbox` is what is under way to the
\* service; `replaces` is whose place it takes, which its hello has said. `health` is the world's,
\* not the client's: "up"; "mute" reads, but what it submits is lost; "frozen" neither reads nor
\* acts, crashed, hung or left.
Absent(me) ==
  [me |-> me, phase |-> "absent", ended |-> "no", health |-> "up", view |-> NoEntries,
   position |-> 0, group |-> <<>>, pending |-> <<>>, judged |-> <<>>, turn |-> NoTurn,
   skipped |-> {}, drafts |-> 0, poison |-> FALSE, outbox |-> <<>>, replaces |-> 0]

\* Keys and all else are gone; what is under way is not.
end(c, reason) ==
  [Absent(c.me) EXCEPT !.phase = "over", !.ended = reason, !.health = c.health,
                       !.outbox = c.outbox, !.replaces = c.replaces]

active(c) == c.phase \in {"unannounced", "waiting", "member"}
reads(c) == active(c) /\ c.health # "frozen"

send(c, message) == IF c.health = "mute" THEN c ELSE [c EXCEPT !.outbox = <<message>>]

\* The epoch that a handshake makes, as `Mls` holds it.
Group(count, commit, members) == [count |-> count, secret |-> commit, members |-> members]

----------------------------------------------------------------------------
to_add(c) == waiting(c.view) \ c.skipped
to_remove(c) == c.view.roster \cap c.view.departed

\* Whether whoever waits may make a group.
alone(view) == present_members(view) = {}

\* The place among those who could do the work, if there is any.
rank(c) ==
  IF c.phase = "member"
  THEN IF to_remove(c) # {} \/ to_add(c) # {}
       THEN Cardinality({one \in present_members(c.view) : one < c.me})
       ELSE NoRank
  ELSE IF c.phase = "waiting" /\ alone(c.view)
  THEN Cardinality({one \in waiting(c.view) : one < c.me})
  ELSE NoRank

\* `Pending::again`: the same bytes, once more.
again(pending) ==
  [pending EXCEPT !.sent = IF @ < Enough THEN @ + 1 ELSE Enough]

\* What becomes of a client that has just sent a new handshake: nothing, until the log has it.
submitted(c) == c

draft(c) ==
  LET commit == <<c.me, c.drafts + 1>>
      roster == (c.view.roster \ to_remove(c)) \cup to_add(c)
  IN IF c.phase = "waiting"
     THEN Message("create", commit, NoEpoch, c.view.handshakes, {c.me}, FALSE, FALSE)
     ELSE Message("commit", commit, c.group[1].secret, c.view.handshakes, roster,
                  to_add(c) # {}, c.poison)

\* Makes the handshake that the log calls for.
act(c) ==
  IF rank(c) = NoRank THEN c
  ELSE LET message == draft(c)
           pending == [submission |-> message, sent |-> 0]
       IN submitted(send([c EXCEPT !.drafts = @ + 1, !.pending = <<again(pending)>>,
                                   !.poison = @ /\ c.phase # "member"], message))

\* What a client does that is not the first: it waits for its turn.
stand_by(c, place) ==
  IF c.turn # NoTurn /\ c.turn <= place THEN c ELSE [c EXCEPT !.turn = place]

propose(c) ==
  LET place == rank(c)
  IN IF ~active(c) \/ c.pending # <<>> THEN c
     ELSE IF place = NoRank THEN [c EXCEPT !.turn = NoTurn]
     ELSE IF c.turn = SteppedBack THEN c
     ELSE IF place = 0 THEN act([c EXCEPT !.turn = NoTurn])
     ELSE stand_by(c, place)

----------------------------------------------------------------------------
\* `LogView::check`: whether an entry can be the next one of a correct log.
check(view, entry) ==
  /\ entry.count = view.handshakes + 1
  /\ entry.participant \notin view.departed
  /\ IF entry.step = "create"
     THEN /\ present_members(view) = {}
          /\ entry.participant \in view.joined
          /\ entry.roster = {entry.participant}
     ELSE /\ entry.participant \in view.roster
          /\ entry.participant \in entry.roster
          /\ (entry.roster \ view.roster) \subseteq view.joined
          /\ (view.roster \ entry.roster) \subseteq view.departed

\* `Pending::is`.
is_own(c, entry) ==
  /\ c.pending # <<>>
  /\ LET message == c.pending[1].submission
     IN /\ message.commit = entry.commit
        /\ message.roster = entry.roster
        /\ message.expected + 1 = entry.count

\* `Mls::follow`.
follow(c, entry) ==
  IF entry.step = "create" THEN end(c, "ImpossibleLog")
  ELSE IF entry.parent # c.group[1].secret \/ entry.poisoned THEN end(c, "CannotFollow")
  ELSE [c EXCEPT !.group = <<Group(entry.count, entry.commit, entry.roster)>>]

\* `Mls::enter`: the Welcome gives the epoch that its own entry makes.
enter(c, entry) ==
  [c EXCEPT !.group = <<Group(entry.count, entry.commit, entry.roster)>>, !.phase = "member"]

\* A client reads that it was removed, or that it is gone.
removed(c, entry) == end(c, "Removed")
departed(c, entry) == end(c, "Departed")

handshake(c, entry) ==
  LET view == apply(c.view, entry)
      over == c.view.departed \ entry.roster
      next == [c EXCEPT !.pending = <<>>, !.judged = <<>>, !.turn = NoTurn, !.view = view,
                        !.skipped = @ \ over]
      member == c.me \in entry.roster
  IN IF is_own(c, entry) THEN enter(next, entry) \* `Mls::accept`
     ELSE IF entry.participant = c.me THEN end(c, "ImpossibleLog")
     ELSE IF c.phase = "member" /\ ~member THEN removed(next, entry)
     ELSE IF c.phase = "member" THEN follow(next, entry)
     ELSE IF member THEN enter(next, entry)
     ELSE next

\* `LogView::join`.
view_join(view, entry) == apply(view, entry)

joined(c, entry) ==
  LET one == entry.participant
      known == [c EXCEPT !.view = view_join(@, entry)]
  IN IF entry.replaces = c.me THEN departed(c, entry)
     ELSE IF one = c.me THEN [known EXCEPT !.phase = "waiting"]
     ELSE IF one \in Bad THEN [known EXCEPT !.skipped = @ \cup {one}]
     ELSE known

read(c, entry) ==
  LET next == [c EXCEPT !.position = @ + 1]
  IN propose(
       IF entry.event = "joined" THEN joined(next, entry)
       ELSE IF entry.event = "departed"
       THEN IF entry.participant = c.me THEN departed(next, entry)
            ELSE [next EXCEPT !.view = apply(@, entry)]
       ELSE IF check(c.view, entry) THEN handshake(next, entry)
       ELSE end(c, "ImpossibleLog"))

----------------------------------------------------------------------------
\* `Committer::join`.
join(c, state, position) ==
  LET view == snapshot(state)
  IN send([c EXCEPT !.phase = "unannounced", !.view = view, !.position = position,
                    !.skipped = waiting(view) \cap Bad], UploadKeyPackage)

resend(c) ==
  LET pending == again(c.pending[1])
  IN send([c EXCEPT !.pending = <<pending>>], pending.submission)

\* `Committer::fired` with `Timer::Turn`.
fired_turn(c) == propose(act([c EXCEPT !.turn = NoTurn]))

\* `Committer::fired` with `Timer::Resend`.
fired_resend(c) == IF c.pending # <<>> THEN resend(c) ELSE send(c, UploadKeyPackage)

\* `Committer::reconnected`. What was under way is lost with the socket.
reconnected(c) ==
  LET silent == [c EXCEPT !.outbox = <<>>]
  IN IF c.pending # <<>> THEN resend(silent) ELSE silent

\* Whether it can follow a commit that is not in the log yet: `Committer::stage`, `Mls::stage`. Its
\* author can, but is not asked.
can_follow(c, sender, message) ==
  c.me = sender \/ (message.parent = c.group[1].secret /\ ~message.poisoned)

\* `Committer::tentative`: the commit is kept aside.
judge(c, message, acked) == propose([c EXCEPT !.judged = <<[commit |-> message.commit, acked |-> acked]>>])

\* What `Committer::dropped` is about.
undecided(c) ==
  (IF c.pending # <<>> THEN {c.pending[1].submission.commit} ELSE {})
    \cup (IF c.judged # <<>> THEN {c.judged[1].commit} ELSE {})

\* `Committer::dropped`, of an own commit and of one that was judged.
own_dropped(c, gone) ==
  IF c.pending # <<>> /\ c.pending[1].submission.commit \in gone
  THEN propose([c EXCEPT !.pending = <<>>, !.turn = SteppedBack])
  ELSE c
judged_dropped(c, gone) ==
  IF c.judged # <<>> /\ c.judged[1].commit \in gone
  THEN LET next == [c EXCEPT !.judged = <<>>]
       IN propose(IF next.pending # <<>> THEN resend(next) ELSE next)
  ELSE c
dropped(c, gone) == judged_dropped(own_dropped(c, gone), gone)
=============================================================================
