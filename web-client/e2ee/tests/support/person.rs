//! A node with the real endpoint.

use e2ee::endpoint::{Endpoint, EndpointConfig, Message, Output, SasState};
use e2ee::link::LinkSecret;
use e2ee::{MediaKeys, Suite};
use ed25519_dalek::{Signer, SigningKey};
use signaling_protocol::{LogPosition, ParticipantId, RoomId, ServerMessage};

use super::{Epoch, Node, NodeOutput};

/// A person with an identity key and a link.
#[derive(Clone)]
pub struct Person {
    pub room: RoomId,
    pub link: LinkSecret,
    pub name: String,
    pub identity: [u8; 32],
    pub suite: Suite,
}

impl Person {
    pub fn new(name: &str, suite: Suite) -> Self {
        let mut identity = [0; 32];
        identity[..name.len().min(32)].copy_from_slice(&name.as_bytes()[..name.len().min(32)]);
        Self {
            room: RoomId::from_bytes([42; 16]),
            link: LinkSecret::from_bytes([7; 32]),
            name: name.to_owned(),
            identity,
            suite,
        }
    }

    pub fn with_link(self, link: [u8; 32]) -> Self {
        Self { link: LinkSecret::from_bytes(link), ..self }
    }

    /// A certified endpoint of this person.
    pub fn new_node(&self, now_ms: u64) -> EndpointNode {
        let identity = SigningKey::from_bytes(&self.identity);
        let config = EndpointConfig {
            room: self.room.clone(),
            link: self.link.clone(),
            name: self.name.clone(),
            identity_public: identity.verifying_key().to_bytes(),
            suite: self.suite,
        };
        let (mut endpoint, request) = Endpoint::new(config, now_ms).unwrap();
        endpoint.certify(identity.sign(request.as_bytes()).to_bytes()).unwrap();
        EndpointNode {
            endpoint,
            keys: Vec::new(),
            pending_keys: None,
            prepared: 0,
            messages: Vec::new(),
            unconfirmed: Vec::new(),
            sas: None,
            trace: Vec::new(),
        }
    }
}

/// A person's endpoint, with every epoch's keys that it has handed out.
pub struct EndpointNode {
    pub endpoint: Endpoint,
    pub keys: Vec<MediaKeys>,
    /// Those of an epoch that may begin.
    pub pending_keys: Option<MediaKeys>,
    /// Epochs whose keys were there before they began.
    pub prepared: usize,
    pub messages: Vec<Message>,
    /// The members of whom nothing was heard.
    pub unconfirmed: Vec<ParticipantId>,
    pub sas: Option<SasState>,
    /// The trace of its steps, if tracing is on.
    pub trace: Vec<String>,
}

impl Node for EndpointNode {
    fn handle(&mut self, message: ServerMessage, now_ms: u64) {
        self.endpoint.handle(message, now_ms);
    }

    fn next_timeout(&self) -> Option<u64> {
        self.endpoint.poll_timeout()
    }

    fn handle_timeout(&mut self, now_ms: u64) {
        self.endpoint.handle_timeout(now_ms);
    }

    fn drain(&mut self) -> Vec<NodeOutput> {
        let mut outputs = Vec::new();
        while let Some(output) = self.endpoint.poll_output() {
            outputs.push(match output {
                Output::Send(message) => NodeOutput::Send(message),
                Output::Keys(keys) => {
                    assert_eq!(keys.audio_base_key.len(), MediaKeys::AUDIO_BASE_KEY_BYTES);
                    assert_eq!(keys.video_base_key.len(), MediaKeys::VIDEO_BASE_KEY_BYTES);
                    if let Some(pending) = self.pending_keys.take_if(|one| one.epoch == keys.epoch)
                        && pending.audio_base_key == keys.audio_base_key
                    {
                        assert_eq!(
                            (&pending.members, &pending.removed),
                            (&keys.members, &keys.removed)
                        );
                        self.prepared += 1;
                    }
                    self.keys.push(keys);
                    continue;
                }
                Output::PendingKeys(keys) => {
                    self.pending_keys = Some(keys);
                    continue;
                }
                Output::Roster(roster) => {
                    let keys = self.keys.last().expect("keys come before the roster");
                    assert_eq!(keys.epoch, roster.epoch);
                    let leaves: Vec<_> = roster.members.iter().map(|one| one.leaf).collect();
                    assert_eq!(keys.members, leaves);
                    let own = roster.members.iter().find(|one| one.own).expect("self is shown");
                    assert_eq!(own.leaf, keys.own_leaf);
                    NodeOutput::Epoch(Epoch {
                        count: roster.epoch,
                        secret: [keys.audio_base_key.clone(), keys.video_base_key.clone()].concat(),
                        members: roster.members.iter().map(|one| one.participant).collect(),
                        code: roster.room_code,
                    })
                }
                Output::Message(message) => {
                    self.messages.push(message);
                    continue;
                }
                Output::Unconfirmed(silent) => {
                    self.unconfirmed = silent;
                    continue;
                }
                Output::Sas(state) => {
                    self.sas = Some(state);
                    continue;
                }
                Output::Trace(line) => {
                    self.trace.push(line);
                    continue;
                }
                Output::Problem(problem) => NodeOutput::Problem(problem),
                Output::Rejoin(reason) => NodeOutput::Rejoin(reason),
            });
        }
        outputs
    }

    fn position(&self) -> LogPosition {
        self.endpoint.position().unwrap_or_default()
    }
}

/// The real time: the MLS library reads the clock itself when it looks at lifetimes.
#[expect(clippy::disallowed_methods, reason = "a virtual clock has to start near the real one")]
pub fn real_now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.unwrap().as_millis()).unwrap()
}
