//! The store for the private keys that OpenMLS reads back.
//!
//! A group stays in memory from its first epoch to its last and is never loaded from a store. So the
//! store keeps only what OpenMLS reads back meanwhile: the private keys of the KeyPackage until a
//! Welcome uses them, the link's PSK, and the keys of the epoch's path. Tree and epoch secrets are in
//! the group; copies here would never be read. (With 50 members, the tree is most of the cost of an
//! epoch.)

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// Encoded private keys by kind and name. Wiped when they are deleted, replaced or dropped.
#[derive(Default)]
pub(crate) struct KeyStore(Mutex<Keys>);

type Keys = BTreeMap<(Kind, Vec<u8>), Zeroizing<Vec<u8>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    KeyPackage,
    Psk,
    EncryptionKeyPair,
    EpochKeyPairs,
}

/// A key cannot be encoded, or a stored value cannot be decoded as the requested type.
#[derive(Debug, thiserror::Error)]
#[error("a private key cannot be stored or read back")]
pub(crate) struct NotStorable(#[from] postcard::Error);

impl KeyStore {
    fn keys(&self) -> MutexGuard<'_, Keys> {
        // Each change is one call of the map, so a panic elsewhere cannot leave it inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(
        &self,
        kind: Kind,
        name: &impl Serialize,
        key: &(impl Serialize + ?Sized),
    ) -> Result<(), NotStorable> {
        let (name, key) = (encode(name)?.to_vec(), encode(key)?);
        self.keys().insert((kind, name), key);
        Ok(())
    }

    fn read<T: DeserializeOwned>(
        &self,
        kind: Kind,
        name: &impl Serialize,
    ) -> Result<Option<T>, NotStorable> {
        let name = encode(name)?.to_vec();
        let keys = self.keys();
        let Some(key) = keys.get(&(kind, name)) else { return Ok(None) };
        Ok(Some(postcard::from_bytes(key)?))
    }

    fn forget(&self, kind: Kind, name: &impl Serialize) -> Result<(), NotStorable> {
        let name = encode(name)?.to_vec();
        self.keys().remove(&(kind, name));
        Ok(())
    }
}

/// Encodes a value into a buffer of its final size: a growing buffer would leave copies behind.
fn encode(value: &(impl Serialize + ?Sized)) -> Result<Zeroizing<Vec<u8>>, NotStorable> {
    let mut bytes = Zeroizing::new(vec![0; postcard::experimental::serialized_size(value)?]);
    postcard::to_slice(value, &mut bytes)?;
    Ok(bytes)
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore").field("keys", &self.keys().len()).finish()
    }
}

/// Implements writing, reading and deleting of keys with one name, with type parameters in the order
/// of the trait.
macro_rules! kept_here {
    ($(
        $kind:ident($Name:ident, $Key:ident):
            $write:ident<$($W:ident),+>, $read:ident<$($R:ident),+>, $delete:ident;
    )+) => {$(
        fn $write<$($W: traits::$W<CURRENT_VERSION>),+>(
            &self,
            name: &$Name,
            key: &$Key,
        ) -> Result<(), NotStorable> {
            self.keep(Kind::$kind, name, key)
        }

        fn $read<$($R: traits::$R<CURRENT_VERSION>),+>(
            &self,
            name: &$Name,
        ) -> Result<Option<$Key>, NotStorable> {
            self.read(Kind::$kind, name)
        }

        fn $delete<$Name: traits::$Name<CURRENT_VERSION>>(
            &self,
            name: &$Name,
        ) -> Result<(), NotStorable> {
            self.forget(Kind::$kind, name)
        }
    )+};
}

/// Implements methods for values that the group keeps: nothing is written, found or deleted.
macro_rules! kept_by_the_group {
    ($(write $name:ident<$($T:ident),+>($($key:ty),+);)+) => {$(
        fn $name<$($T: traits::$T<CURRENT_VERSION>),+>(
            &self,
            $(_: &$key),+
        ) -> Result<(), NotStorable> {
            Ok(())
        }
    )+};
    ($(read $name:ident<$($T:ident),+>($key:ty) -> $found:ty;)+) => {$(
        fn $name<$($T: traits::$T<CURRENT_VERSION>),+>(
            &self,
            _: &$key,
        ) -> Result<$found, NotStorable> {
            Ok(<$found>::default())
        }
    )+};
}

impl StorageProvider<CURRENT_VERSION> for KeyStore {
    type Error = NotStorable;

    kept_here! {
        KeyPackage(HashReference, KeyPackage): write_key_package<HashReference, KeyPackage>,
            key_package<HashReference, KeyPackage>, delete_key_package;
        Psk(PskId, PskBundle): write_psk<PskId, PskBundle>, psk<PskBundle, PskId>, delete_psk;
        EncryptionKeyPair(EncryptionKey, HpkeKeyPair):
            write_encryption_key_pair<EncryptionKey, HpkeKeyPair>,
            encryption_key_pair<HpkeKeyPair, EncryptionKey>, delete_encryption_key_pair;
    }

    fn write_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
        key_pairs: &[HpkeKeyPair],
    ) -> Result<(), NotStorable> {
        self.keep(Kind::EpochKeyPairs, &(group_id, epoch, leaf_index), key_pairs)
    }

    fn encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<Vec<HpkeKeyPair>, NotStorable> {
        let found = self.read(Kind::EpochKeyPairs, &(group_id, epoch, leaf_index))?;
        Ok(found.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<(), NotStorable> {
        self.forget(Kind::EpochKeyPairs, &(group_id, epoch, leaf_index))
    }

    // The signer is not a key of OpenMLS, and there are no proposals outside of commits.
    kept_by_the_group! {
        write write_mls_join_config<GroupId, MlsGroupJoinConfig>(GroupId, MlsGroupJoinConfig);
        write append_own_leaf_node<GroupId, LeafNode>(GroupId, LeafNode);
        write queue_proposal<GroupId, ProposalRef, QueuedProposal>
            (GroupId, ProposalRef, QueuedProposal);
        write write_tree<GroupId, TreeSync>(GroupId, TreeSync);
        write write_interim_transcript_hash<GroupId, InterimTranscriptHash>
            (GroupId, InterimTranscriptHash);
        write write_context<GroupId, GroupContext>(GroupId, GroupContext);
        write write_confirmation_tag<GroupId, ConfirmationTag>(GroupId, ConfirmationTag);
        write write_group_state<GroupState, GroupId>(GroupId, GroupState);
        write write_message_secrets<GroupId, MessageSecrets>(GroupId, MessageSecrets);
        write write_resumption_psk_store<GroupId, ResumptionPskStore>(GroupId, ResumptionPskStore);
        write write_own_leaf_index<GroupId, LeafNodeIndex>(GroupId, LeafNodeIndex);
        write write_group_epoch_secrets<GroupId, GroupEpochSecrets>(GroupId, GroupEpochSecrets);
        write write_signature_key_pair<SignaturePublicKey, SignatureKeyPair>
            (SignaturePublicKey, SignatureKeyPair);
        write remove_proposal<GroupId, ProposalRef>(GroupId, ProposalRef);
        write delete_own_leaf_nodes<GroupId>(GroupId);
        write delete_group_config<GroupId>(GroupId);
        write delete_tree<GroupId>(GroupId);
        write delete_confirmation_tag<GroupId>(GroupId);
        write delete_group_state<GroupId>(GroupId);
        write delete_context<GroupId>(GroupId);
        write delete_interim_transcript_hash<GroupId>(GroupId);
        write delete_message_secrets<GroupId>(GroupId);
        write delete_all_resumption_psk_secrets<GroupId>(GroupId);
        write delete_own_leaf_index<GroupId>(GroupId);
        write delete_group_epoch_secrets<GroupId>(GroupId);
        write clear_proposal_queue<GroupId, ProposalRef>(GroupId);
        write delete_signature_key_pair<SignaturePublicKey>(SignaturePublicKey);
    }
    kept_by_the_group! {
        read mls_group_join_config<GroupId, MlsGroupJoinConfig>(GroupId)
            -> Option<MlsGroupJoinConfig>;
        read own_leaf_nodes<GroupId, LeafNode>(GroupId) -> Vec<LeafNode>;
        read queued_proposal_refs<GroupId, ProposalRef>(GroupId) -> Vec<ProposalRef>;
        read queued_proposals<GroupId, ProposalRef, QueuedProposal>(GroupId)
            -> Vec<(ProposalRef, QueuedProposal)>;
        read tree<GroupId, TreeSync>(GroupId) -> Option<TreeSync>;
        read group_context<GroupId, GroupContext>(GroupId) -> Option<GroupContext>;
        read interim_transcript_hash<GroupId, InterimTranscriptHash>(GroupId)
            -> Option<InterimTranscriptHash>;
        read confirmation_tag<GroupId, ConfirmationTag>(GroupId) -> Option<ConfirmationTag>;
        read group_state<GroupState, GroupId>(GroupId) -> Option<GroupState>;
        read message_secrets<GroupId, MessageSecrets>(GroupId) -> Option<MessageSecrets>;
        read resumption_psk_store<GroupId, ResumptionPskStore>(GroupId)
            -> Option<ResumptionPskStore>;
        read own_leaf_index<GroupId, LeafNodeIndex>(GroupId) -> Option<LeafNodeIndex>;
        read group_epoch_secrets<GroupId, GroupEpochSecrets>(GroupId) -> Option<GroupEpochSecrets>;
        read signature_key_pair<SignaturePublicKey, SignatureKeyPair>(SignaturePublicKey)
            -> Option<SignatureKeyPair>;
    }
}
