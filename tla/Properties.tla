----------------------------- MODULE Properties -----------------------------
(***************************************************************************)
(* The properties of every room under every combination of faults.         *)
(***************************************************************************)
EXTENDS Meeting

Handshakes == {i \in 1..Len(log) : log[i].event = "handshake"}

\* The participants that hold keys. A client keeps only the keys of its newest epoch.
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

\* Clients in an epoch with the same count are in the same epoch, with the same members.
Agreement ==
  \A p \in Holders : \A q \in Holders :
    Keys(p).count = Keys(q).count => Keys(p) = Keys(q)

\* Each client's epoch is the one of the last handshake that the client has read from the log.
NoFork ==
  \A p \in Holders :
    \E i \in Handshakes :
      /\ i <= client[p].position
      /\ log[i].commit = Keys(p).secret
      /\ log[i].count = Keys(p).count
      /\ \A j \in Handshakes : j <= client[p].position => j <= i

\* No client holds keys of an epoch in which it is not a member: neither from before its addition
\* nor from after its removal.
KeysOnlyForMembers ==
  \A p \in Holders :
    \A i \in Handshakes : log[i].commit = Keys(p).secret => p \in log[i].roster

\* No client ends for any reason but its own departure.
NoWedge == \A p \in Participants : client[p].ended \in {"no", "Departed"}

\* No roster has a participant together with its predecessor.
NoGhost ==
  \A i \in Handshakes :
    \A j \in 1..i :
      ~(log[j].event = "joined" /\ {log[j].participant, log[j].replaces} \subseteq log[i].roster)

\* No handshake of a departed participant is accepted.
NoPosthumous ==
  \A i \in Handshakes :
    \A j \in 1..i :
      /\ ~(log[j].event = "departed" /\ log[j].participant = log[i].participant)
      /\ log[j].replaces # log[i].participant

----------------------------------------------------------------------------
Present == service.joined \ service.departed

\* No step is due.
AtRest ==
  /\ ~may_time_out
  /\ \A p \in Participants :
       /\ client[p].outbox = <<>>
       /\ ~may_read_entry(p)
       /\ ~may_vote(p)
       /\ ~may_discard_rejected(p)
       /\ ~may_fire_turn_timer(p)
       /\ ~may_fire_resend_timer(p)
       /\ ~(may_depart(p) /\ is_evictable(p))

\* At least one present participant is responsive.
Responsive == \E p \in Present : client[p].health = "up"

\* The members of the current epoch are exactly the present participants.
OneCall ==
  /\ service.roster \subseteq Present
  /\ (Present \ Bad) \subseteq service.roster
  /\ \A p \in service.roster :
       /\ client[p].phase = "member"
       /\ Keys(p).members = service.roster
       /\ Keys(p).count = service.handshakes

\* Liveness as an invariant: every room at rest is one call.
RestsInOneCall == (AtRest /\ Responsive) => OneCall

\* No responsive participant waits forever, whatever the members do.
NobodyIsKeptOut ==
  AtRest => \A p \in waiting(service) \ Bad : client[p].health # "up"

\* Liveness: once faults end, the room becomes one call and stays one.
Liveness == <>[](Responsive => OneCall)
=============================================================================
