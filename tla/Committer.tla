----------------------------- MODULE Committer -----------------------------
(***************************************************************************)
(* One client's decisions: `web-client/e2ee/src/committer`. An operator    *)
(* has the name of the Rust function that it models; it takes a client and *)
(* returns the client after it. Timers have no durations: one that runs    *)
(* may fire at any time.                                                   *)
(***************************************************************************)
EXTENDS DeliveryService

CONSTANT Bad \* participants whose KeyPackages must not be added

\* `turn`: the timer does not run, or it runs as a backup of this rank or after a rejection. The
\* lesser one commits first.
NoTurn == -1
BackedOff == 100
NoRank == -1
\* `pending::MAX_SEND_COUNT`.
MaxSendCount == 8

\* `phase` is `Phase`, with "absent" for a participant that has not joined; `ended` is the
\* `RejoinReason`. `group`, `pending`, `voted` and `outbox` are sequences of at most one element.
\* `poison`: no other member can process the next commit. `outbox` is the message under way to the
\* service. `replaces` is the participant that the client's hello names as its predecessor. `health`
\* belongs to the environment, not to the client: "up"; "unresponsive" reads, but its messages are
\* lost; "frozen" neither reads nor acts: it crashed, hangs or left.
Absent(me) ==
  [me |-> me, phase |-> "absent", ended |-> "no", health |-> "up", view |-> NoEntries,
   position |-> 0, group |-> <<>>, pending |-> <<>>, voted |-> <<>>, turn |-> NoTurn,
   skipped |-> {}, drafts |-> 0, poison |-> FALSE, outbox |-> <<>>, replaces |-> 0]

\* The client wipes its keys and all other state. The message under way stays.
end(c, reason) ==
  [Absent(c.me) EXCEPT !.phase = "ended", !.ended = reason, !.health = c.health,
                       !.outbox = c.outbox, !.replaces = c.replaces]

active(c) == c.phase \in {"uploading", "waiting", "member"}
reads(c) == active(c) /\ c.health # "frozen"

send(c, message) == IF c.health = "unresponsive" THEN c ELSE [c EXCEPT !.outbox = <<message>>]

\* The epoch that a handshake begins, as `Mls` holds it.
Group(count, commit, members) == [count |-> count, secret |-> commit, members |-> members]

----------------------------------------------------------------------------
to_add(c) == waiting(c.view) \ c.skipped
to_remove(c) == c.view.roster \cap c.view.departed

\* A waiting participant may create a group.
alone(view) == present_members(view) = {}

\* The rank among those who could create or commit: 0 is the designated committer.
rank(c) ==
  IF c.phase = "member"
  THEN IF to_remove(c) # {} \/ to_add(c) # {}
       THEN Cardinality({one \in present_members(c.view) : one < c.me})
       ELSE NoRank
  ELSE IF c.phase = "waiting" /\ alone(c.view)
  THEN Cardinality({one \in waiting(c.view) : one < c.me})
  ELSE NoRank

\* `PendingHandshake::submit`: the same bytes every time.
submit_pending(pending) ==
  [pending EXCEPT !.sent = IF @ < MaxSendCount THEN @ + 1 ELSE MaxSendCount]

\* A submitted handshake changes nothing until the log has it. A mutation replaces this.
submitted(c) == c

draft(c) ==
  LET commit == <<c.me, c.drafts + 1>>
      roster == (c.view.roster \ to_remove(c)) \cup to_add(c)
  IN IF c.phase = "waiting"
     THEN Message("create", commit, NoEpoch, c.view.handshakes, {c.me}, FALSE, FALSE)
     ELSE Message("commit", commit, c.group[1].secret, c.view.handshakes, roster,
                  to_add(c) # {}, c.poison)

\* Submits the handshake that the log calls for.
create_or_commit(c) ==
  IF rank(c) = NoRank THEN c
  ELSE LET message == draft(c)
           pending == [submission |-> message, sent |-> 0]
       IN submitted(send([c EXCEPT !.drafts = @ + 1, !.pending = <<submit_pending(pending)>>,
                                   !.poison = @ /\ c.phase # "member"], message))

\* A backup starts its turn timer.
wait_for_turn(c, place) ==
  IF c.turn # NoTurn /\ c.turn <= place THEN c ELSE [c EXCEPT !.turn = place]

schedule_commit(c) ==
  LET place == rank(c)
  IN IF ~active(c) \/ c.pending # <<>> THEN c
     ELSE IF place = NoRank THEN [c EXCEPT !.turn = NoTurn]
     ELSE IF c.turn = BackedOff THEN c
     ELSE IF place = 0 THEN create_or_commit([c EXCEPT !.turn = NoTurn])
     ELSE wait_for_turn(c, place)

----------------------------------------------------------------------------
\* `LogView::check_handshake`: an entry can be the next one of a correct log.
check_handshake(view, entry) ==
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

\* `PendingHandshake::matches`.
matches_pending(c, entry) ==
  /\ c.pending # <<>>
  /\ LET message == c.pending[1].submission
     IN /\ message.commit = entry.commit
        /\ message.roster = entry.roster
        /\ message.expected + 1 = entry.count

\* `Mls::process_commit`.
process_commit(c, entry) ==
  IF entry.step = "create" THEN end(c, "InvalidLog")
  ELSE IF entry.parent # c.group[1].secret \/ entry.poisoned THEN end(c, "CannotProcess")
  ELSE [c EXCEPT !.group = <<Group(entry.count, entry.commit, entry.roster)>>]

\* `Mls::join_by_welcome`: the Welcome gives the epoch that its own entry begins.
join_by_welcome(c, entry) ==
  [c EXCEPT !.group = <<Group(entry.count, entry.commit, entry.roster)>>, !.phase = "member"]

\* A client reads that it was removed, or that it departed.
removed(c, entry) == end(c, "Removed")
departed(c, entry) == end(c, "Departed")

apply_handshake(c, entry) ==
  LET view == apply(c.view, entry)
      over == c.view.departed \ entry.roster
      next == [c EXCEPT !.pending = <<>>, !.voted = <<>>, !.turn = NoTurn, !.view = view,
                        !.skipped = @ \ over]
      member == c.me \in entry.roster
  IN IF matches_pending(c, entry) THEN join_by_welcome(next, entry) \* `Mls::merge_pending`
     ELSE IF entry.participant = c.me THEN end(c, "InvalidLog")
     ELSE IF c.phase = "member" /\ ~member THEN removed(next, entry)
     ELSE IF c.phase = "member" THEN process_commit(next, entry)
     ELSE IF member THEN join_by_welcome(next, entry)
     ELSE next

\* `LogView::apply_joined`.
view_join(view, entry) == apply(view, entry)

apply_joined(c, entry) ==
  LET one == entry.participant
      known == [c EXCEPT !.view = view_join(@, entry)]
  IN IF entry.replaces = c.me THEN departed(c, entry)
     ELSE IF one = c.me THEN [known EXCEPT !.phase = "waiting"]
     ELSE IF one \in Bad THEN [known EXCEPT !.skipped = @ \cup {one}]
     ELSE known

read_entry(c, entry) ==
  LET next == [c EXCEPT !.position = @ + 1]
  IN schedule_commit(
       IF entry.event = "joined" THEN apply_joined(next, entry)
       ELSE IF entry.event = "departed"
       THEN IF entry.participant = c.me THEN departed(next, entry)
            ELSE [next EXCEPT !.view = apply(@, entry)]
       ELSE IF check_handshake(c.view, entry) THEN apply_handshake(next, entry)
       ELSE end(c, "InvalidLog"))

----------------------------------------------------------------------------
\* `Committer::join`.
join(c, state, position) ==
  LET view == snapshot(state)
  IN send([c EXCEPT !.phase = "uploading", !.view = view, !.position = position,
                    !.skipped = waiting(view) \cap Bad], UploadKeyPackage)

resend(c) ==
  LET pending == submit_pending(c.pending[1])
  IN send([c EXCEPT !.pending = <<pending>>], pending.submission)

\* `Committer::handle_timer` with `Timer::Turn`.
turn_timer(c) == schedule_commit(create_or_commit([c EXCEPT !.turn = NoTurn]))

\* `Committer::handle_timer` with `Timer::Resend`.
resend_timer(c) == IF c.pending # <<>> THEN resend(c) ELSE send(c, UploadKeyPackage)

\* `Committer::handle_reconnect`. The message under way is lost with the socket.
reconnect(c) ==
  LET silent == [c EXCEPT !.outbox = <<>>]
  IN IF c.pending # <<>> THEN resend(silent) ELSE silent

\* `Committer::stage_commit`, `Mls::stage_commit`: a member can process a pending commit. Its author
\* can, but is not asked.
can_process(c, sender, message) ==
  c.me = sender \/ (message.parent = c.group[1].secret /\ ~message.poisoned)

\* `Committer::vote_on_commit`: the commit is staged if it can be processed.
vote_on_commit(c, message, acked) ==
  schedule_commit([c EXCEPT !.voted = <<[commit |-> message.commit, acked |-> acked]>>])

\* The commits that `Committer::discard_rejected` can discard.
undecided(c) ==
  (IF c.pending # <<>> THEN {c.pending[1].submission.commit} ELSE {})
    \cup (IF c.voted # <<>> THEN {c.voted[1].commit} ELSE {})

\* `Committer::discard_rejected`, for an own commit and for one that was voted on.
own_rejected(c, gone) ==
  IF c.pending # <<>> /\ c.pending[1].submission.commit \in gone
  THEN schedule_commit([c EXCEPT !.pending = <<>>, !.turn = BackedOff])
  ELSE c
voted_rejected(c, gone) ==
  IF c.voted # <<>> /\ c.voted[1].commit \in gone
  THEN LET next == [c EXCEPT !.voted = <<>>]
       IN schedule_commit(IF next.pending # <<>> THEN resend(next) ELSE next)
  ELSE c
discard_rejected(c, gone) == voted_rejected(own_rejected(c, gone), gone)
=============================================================================
