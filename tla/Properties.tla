----------------------------- MODULE Properties -----------------------------
(***************************************************************************)
(* What must hold in every room, whatever goes wrong.                      *)
(***************************************************************************)
EXTENDS Meeting

Handshakes == {i \in 1..Len(log) : log[i].event = "handshake"}

\* Who holds keys, and those keys: a client keeps those of its newest epoch only.
Holders == {p \in Participants : client[p].group # <<>>}
Keys(p) == client[p].group[1]

TypeOK ==
  /\ service.roster \subseteq service.joined
  /\ service.departed \subseteq service.joined
  /\ service.joined \subseteq Participants
  /\ \A p \in Participants : client[p].position <= Len(log)
  /\ \A p \in Participants : client[p].phase = "member" => client[p].group # <<>>

\* No two handshakes in the log build on one epoch.
OneCommitPerEpoch ==
  \A i \in Handshakes : \A j \in Handshakes :
    i < j =>
      /\ log[i].count # log[j].count
      /\ log[i].expected # log[j].expected
      /\ log[i].parent = log[j].parent => log[i].parent = NoEpoch

\* Who is in an epoch of one number is in one epoch, with the same members.
Agreement ==
  \A p \in Holders : \A q \in Holders :
    Keys(p).count = Keys(q).count => Keys(p) = Keys(q)

\* Every epoch that somebody is in is the log's, and the one that it has read of last.
NoFork ==
  \A p \in Holders :
    \E i \in Handshakes :
      /\ i <= client[p].position
      /\ log[i].commit = Keys(p).secret
      /\ log[i].count = Keys(p).count
      /\ \A j \in Handshakes : j <= client[p].position => j <= i

\* Nobody holds the keys of an epoch of which it is no member: neither those of before its
\* addition nor those of after its removal.
KeysOnlyForMembers ==
  \A p \in Holders :
    \A i \in Handshakes : log[i].commit = Keys(p).secret => p \in log[i].roster

\* Nobody comes to an end but by its own departure.
NoWedge == \A p \in Participants : client[p].ended \in {"no", "Departed"}

\* Nobody is a member beside the one whose place it takes.
NoGhost ==
  \A i \in Handshakes :
    \A j \in 1..i :
      ~(log[j].event = "joined" /\ {log[j].participant, log[j].replaces} \subseteq log[i].roster)

\* Nothing is taken from one who is gone.
NoPosthumous ==
  \A i \in Handshakes :
    \A j \in 1..i :
      /\ ~(log[j].event = "departed" /\ log[j].participant = log[i].participant)
      /\ log[j].replaces # log[i].participant

----------------------------------------------------------------------------
Present == service.joined \ service.departed

\* Nothing has to happen any more.
AtRest ==
  /\ ~may_time_out
  /\ \A p \in Participants :
       /\ client[p].outbox = <<>>
       /\ ~may_read(p)
       /\ ~may_judge(p)
       /\ ~hears_of_drop(p)
       /\ ~may_fire_turn(p)
       /\ ~may_fire_resend(p)
       /\ ~(may_depart(p) /\ given_up(p))

\* Somebody can do the work.
Responsive == \E p \in Present : client[p].health = "up"

\* All who are present are members of one epoch, and nobody else is.
OneCall ==
  /\ service.roster \subseteq Present
  /\ (Present \ Bad) \subseteq service.roster
  /\ \A p \in service.roster :
       /\ client[p].phase = "member"
       /\ Keys(p).members = service.roster
       /\ Keys(p).count = service.handshakes

\* Liveness as an invariant: every room that comes to rest has come to one call.
RestsInOneCall == (AtRest /\ Responsive) => OneCall

\* Nobody who is well waits for ever, whatever members there are.
NobodyIsKeptOut ==
  AtRest => \A p \in waiting(service) \ Bad : client[p].health # "up"

\* Liveness as it is meant: once nothing goes wrong any more, one call, for good.
Liveness == <>[](Responsive => OneCall)
=============================================================================
