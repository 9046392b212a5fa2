//! Sends the mails and SMS in the outbox. Codes and tokens are created only when a message is handed over, and their
//! hashes are stored before it is sent (D-22). A mail server that does not answer delays only mails; a gateway delays
//! only SMS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doorward_core::canonical;
use doorward_core::clock::{Millis, World};
use doorward_core::delivery_queue::{self, Failure, Worker};
use doorward_core::message::{Channel, Message};
use doorward_core::one_time_code::{PlainCode, PlainToken, Scene};
use doorward_core::tasks::Tasks;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::platform::Platform;
use doorward_store::accounts::{self, Account};
use doorward_store::challenges::Minted;
use doorward_store::identities::Kind;
use doorward_store::outbox::{Letter, Taken};
use doorward_store::{StoreError, Tx, transaction};
use tokio::sync::{Notify, watch};

use crate::mail::Mail;
use crate::mail::render::{Rendered, Templates, Values};
use crate::mail::transport::{OutgoingMessage, Transport};
use crate::sms::Sms;

/// Pause between two attempts to store the outcome of a message.
const AGAIN: Duration = Duration::from_millis(500);

/// Renders and sends mails and SMS.
#[derive(Debug)]
pub struct Outbox {
    /// Settings, time, keys and the database.
    pub platform: Arc<Platform>,
    /// The panics of the tasks that run as long as the server.
    pub tasks: Tasks,
    /// The templates of mails and SMS.
    pub templates: Templates,
    /// The transports of mails and SMS.
    pub transport: Transport,
    /// Wakes the workers: signal it after a commit that put a message into the outbox.
    pub wake_up: WakeUp,
}

/// Wakes the workers, and holds them back.
#[derive(Debug, Default)]
pub struct WakeUp {
    mail: Notify,
    sms: Notify,
    /// Messages with an outcome that could not be stored yet. Meanwhile no message is taken: the same mail would be
    /// sent again, with a new code that invalidates the one in the first mail.
    unnoted: AtomicUsize,
}

impl WakeUp {
    /// Wakes the workers. Call it after the commit, also for unknown addresses.
    pub fn signal(&self) {
        self.mail.notify_one();
        self.sms.notify_one();
    }

    fn of(&self, channel: Channel) -> &Notify {
        match channel {
            Channel::Mail => &self.mail,
            Channel::Sms => &self.sms,
        }
    }
}

/// Opens a challenge and puts its mail or SMS into the outbox. Writes the same two rows for every address, with or
/// without an account. A bound scene is opened for an account, the others for the owner of the address. Call
/// [`WakeUp::signal`] after the commit.
pub async fn challenge(
    tx: &mut Tx,
    world: &World,
    caller: &Caller,
    scene: Scene,
    address: &str,
    account: Option<&str>,
    redirect: Option<&str>,
) -> Result<(), StoreError> {
    let challenge = world.id();
    doorward_store::challenges::open(tx, &challenge, scene, address, account, redirect, world.now()).await?;
    put(tx, world, caller, scene.message(), address, Some(&challenge)).await
}

/// Puts a message without code and link into the outbox. Does nothing for a phone number if the message is not sent by
/// SMS. Call [`WakeUp::signal`] after the commit.
pub async fn notice(
    tx: &mut Tx,
    world: &World,
    caller: &Caller,
    message: Message,
    address: &str,
) -> Result<(), StoreError> {
    if !message.goes_by(Channel::of(address)) {
        return Ok(());
    }
    put(tx, world, caller, message, address, None).await
}

async fn put(
    tx: &mut Tx,
    world: &World,
    caller: &Caller,
    message: Message,
    address: &str,
    challenge: Option<&str>,
) -> Result<(), StoreError> {
    let letter = Letter {
        id: &world.id(),
        message,
        address,
        challenge,
        language: caller.locale.as_deref(),
        request: &caller.request_id,
    };
    doorward_store::outbox::put(tx, letter, world.now()).await
}

/// Sends until the sender of `ended` is dropped, then finishes the running deliveries.
pub async fn run(outbox: Arc<Outbox>, ended: watch::Receiver<()>) {
    let (mails, sms) = (work(&outbox, Channel::Mail, ended.clone()), work(&outbox, Channel::Sms, ended));
    futures_util::future::join(mails, sms).await;
}

async fn work(outbox: &Arc<Outbox>, channel: Channel, ended: watch::Receiver<()>) {
    let take = |free| take(outbox, channel, free);
    let deliver = |letter| {
        let outbox = outbox.clone();
        async move { deliver(&outbox, letter).await }
    };
    let name = match channel {
        Channel::Mail => "mails",
        Channel::Sms => "sms",
    };
    let slots = ChannelLimits::of(&outbox.platform, channel).slots;
    Worker { tasks: &outbox.tasks, name, slots, wake_up: outbox.wake_up.of(channel) }
        .work(ended, take, deliver)
        .await;
}

/// The settings of a channel.
struct ChannelLimits {
    /// Most messages that are sent at the same time.
    slots: usize,
    /// Time limit of one attempt.
    timeout: Millis,
    /// Most attempts for one message.
    attempts: u32,
}

impl ChannelLimits {
    fn of(platform: &Platform, channel: Channel) -> ChannelLimits {
        let (smtp, sms) = (&platform.config.smtp, &platform.config.sms);
        let (slots, timeout, attempts) = match channel {
            Channel::Mail => (smtp.connections, smtp.timeout, platform.config.mail.attempts),
            Channel::Sms => (sms.connections, sms.timeout, sms.attempts),
        };
        ChannelLimits { slots: slots.max(1) as usize, timeout: timeout.as_millis(), attempts }
    }
}

/// Sends the messages that are due now, for each channel at most as many as it has slots, and waits for the results.
/// False if no message was due.
pub async fn send_due(outbox: &Arc<Outbox>) -> bool {
    let mut letters = Vec::new();
    for channel in [Channel::Mail, Channel::Sms] {
        letters.extend(take(outbox, channel, ChannelLimits::of(&outbox.platform, channel).slots).await);
    }
    let worked = !letters.is_empty();
    futures_util::future::join_all(letters.into_iter().map(|letter| deliver(outbox, letter))).await;
    worked
}

/// A leased row of the outbox, and the content of its message.
struct Outgoing {
    taken: Taken,
    /// `None` if the message has no reader (any more). Such a row is processed like the others: if it were removed
    /// earlier, the requests after it would be faster, and reveal which addresses have an account.
    content: Option<Content>,
}

/// The content of a mail or SMS before it is rendered.
struct Content {
    message: Option<Message>,
    language: String,
    values: Values,
}

/// Takes the due messages, and creates their codes and tokens, in one transaction.
async fn take(outbox: &Arc<Outbox>, channel: Channel, free: usize) -> Vec<Outgoing> {
    let is_held_back = outbox.wake_up.unnoted.load(Ordering::SeqCst) > 0;
    let due = if free == 0 || is_held_back { Ok(false) } else { due(&outbox.platform, channel).await };
    let letters = match due {
        Ok(false) => Ok(Vec::new()),
        Ok(true) => {
            let worker = outbox.clone();
            outbox.platform.store.write(transaction!(|tx| lease(&worker, tx, channel, free).await)).await
        }
        Err(error) => Err(error),
    };
    letters.unwrap_or_else(|error| {
        tracing::warn!(cause = %error, "due messages could not be taken from the outbox");
        Vec::new()
    })
}

async fn lease(
    outbox: &Outbox,
    tx: &mut Tx,
    channel: Channel,
    free: usize,
) -> Result<Vec<Outgoing>, StoreError> {
    let now = outbox.platform.world.now();
    let until = now + ChannelLimits::of(&outbox.platform, channel).timeout + delivery_queue::LEASE_MARGIN;
    let limit = i64::try_from(free).unwrap_or(1);
    let mut letters = Vec::new();
    for taken in doorward_store::outbox::take(tx, channel, now, until, limit).await? {
        match prepare(outbox, tx, &taken, now).await {
            Ok(content) => letters.push(Outgoing { taken, content }),
            // One row that cannot be read must not delay all the others.
            Err(StoreError::Internal(cause)) => {
                tracing::error!(mail = taken.lease.id, cause, "gave up a message");
                doorward_store::outbox::give_up(tx, &taken.lease, now, &cause).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(letters)
}

/// Reads first, so that an idle server writes nothing to the disk.
async fn due(platform: &Platform, channel: Channel) -> Result<bool, StoreError> {
    let mut reader = platform.store.read().await?;
    let due = doorward_store::outbox::next_due(&mut reader, channel).await?;
    Ok(due.is_some_and(|due| due <= platform.world.now()))
}

/// Decides whether the message still has a reader, and creates its code and token.
async fn prepare(
    outbox: &Outbox,
    tx: &mut Tx,
    taken: &Taken,
    now: Millis,
) -> Result<Option<Content>, StoreError> {
    let account = match reader(&outbox.platform, tx, taken).await? {
        Reader::Owner(account) => Some(account),
        Reader::Anyone => None,
        Reader::NoOne => return Ok(None),
    };
    let account = account.as_deref();
    let mut values = values(&outbox.platform, taken, account);
    if let (Some(challenge), Some(scene)) = (&taken.challenge, taken.message.and_then(Scene::of)) {
        let channel = Channel::of(&taken.address);
        let code = PlainCode::mint(&outbox.platform.world);
        let token =
            (scene.has_link() && channel == Channel::Mail).then(|| PlainToken::mint(&outbox.platform.world));
        let secret_key = outbox.platform.secret_keys.active_id();
        let Some(code_hash) = code.hash(&outbox.platform.secret_keys, secret_key, scene, &taken.address)
        else {
            return Err(StoreError::Internal("no active secret key".into()));
        };
        let (code_life, token_life) =
            (outbox.platform.config.codes.life(channel), outbox.platform.config.codes.link_life(scene));
        let minted = Minted {
            account: account.map(|account| account.id.as_str()),
            secret_key,
            code_hash,
            code_expires_at: now + code_life.millis(),
            token_hash: token.as_ref().map(PlainToken::hash),
            token_expires_at: token.as_ref().and(token_life).map(|life| now + life.millis()),
        };
        if !doorward_store::challenges::mint(tx, challenge, minted).await? {
            return Ok(None);
        }
        audit(&outbox.platform, tx, taken, scene, account, now).await?;
        values.code = code.expose().to_owned();
        values.code_minutes = code_life.as_seconds() / 60;
        if let (Some(token), Some(life)) = (token, token_life) {
            let link = outbox.platform.config.links.with_token(
                scene,
                &outbox.platform.config.public_url,
                token.expose(),
            );
            values.link = link.unwrap_or_default();
            values.link_minutes = life.as_seconds().div_ceil(60);
        }
    }
    let own = account.and_then(|account| account.profile.locale.as_deref());
    let wishes = [own, taken.language.as_deref(), Some(&outbox.platform.config.mail.language)];
    let language = outbox.templates.choose(wishes.into_iter().flatten()).to_owned();
    Ok(Some(Content { message: taken.message, language, values }))
}

/// Written by the worker: a request that looked the account up would reveal by its duration whether there is one.
async fn audit(
    platform: &Platform,
    tx: &mut Tx,
    taken: &Taken,
    scene: Scene,
    account: Option<&Account>,
    now: Millis,
) -> Result<(), StoreError> {
    let caller = Caller { request_id: taken.request.clone().unwrap_or_default(), ..Caller::default() };
    let mut record = Record::of(Event::CodeSent).detail(scene.as_str());
    if let Some(account) = account {
        record = record.account(&account.id);
    }
    record.write(tx, &platform.world, &caller, now).await
}

/// The reader of a message.
enum Reader {
    /// The owner of the account that it is about.
    Owner(Box<Account>),
    /// The owner of the address. No account is needed.
    Anyone,
    /// There is no reader (any more): the message is not sent.
    NoOne,
}

/// The reader of a message: the owner of the account that the challenge is bound to, otherwise of the account with this
/// address.
async fn reader(platform: &Platform, tx: &mut Tx, taken: &Taken) -> Result<Reader, StoreError> {
    let scene = taken.message.and_then(Scene::of);
    let kind = Kind::of(&taken.address);
    let account = match (&taken.challenge, scene.is_some_and(Scene::is_bound)) {
        (Some(challenge), true) => match doorward_store::challenges::account(tx, challenge).await? {
            Some(account) => accounts::by_id(tx, &account).await?,
            None => None,
        },
        _ => accounts::by_identity(tx, kind, &taken.address).await?,
    };
    Ok(match (taken.message, account) {
        (Some(Message::AddressChanged | Message::AccountDeleted), _) => Reader::Anyone,
        // A proven address does not need a confirmation.
        (Some(Message::VerifyEmail), Some(account)) if account.email_verified_at.is_some() => Reader::NoOne,
        (_, Some(account)) => Reader::Owner(Box::new(account)),
        // The code works for a sign-up, too.
        (Some(Message::LoginCode | Message::AccessCode), None)
            if platform.config.signup.open && !taken.address.is_empty() =>
        {
            Reader::Anyone
        }
        (_, None) => Reader::NoOne,
    })
}

fn values(platform: &Platform, taken: &Taken, account: Option<&Account>) -> Values {
    let happened_at = jiff::Timestamp::from_millisecond(taken.created_at).unwrap_or_default();
    Values {
        product: platform.config.mail.product.clone(),
        public_url: platform.config.public_url.clone(),
        address: canonical::shown_email(&taken.address),
        name: account.and_then(|account| name(account, &taken.address)).unwrap_or_default(),
        reset_page: platform.config.links.forgot_page(&platform.config.public_url),
        happened_at: happened_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        ..Values::default()
    }
}

/// An account that never proved this address may belong to a stranger, and its name may be a message from that
/// stranger.
fn name(account: &Account, address: &str) -> Option<String> {
    let proven = account.email_verified_at.is_some() && account.email.as_deref() == Some(address);
    let name = account.profile.given_name.as_deref().or(account.profile.name.as_deref());
    name.filter(|_| proven).map(|name| name.chars().take(64).collect())
}

async fn deliver(outbox: &Arc<Outbox>, letter: Outgoing) {
    let Outgoing { taken, content } = letter;
    let sent = match content.map(|content| write(outbox, &taken, &content)) {
        Some(Ok(parcel)) => outbox.transport.send(parcel, outbox.platform.world.now()).await.map(|()| true),
        Some(Err(cause)) => Err(Failure::Never(cause)),
        None => Ok(false),
    };
    let outcome = Arc::new(DeliveryOutcome::of(outbox, &taken, sent));
    let taken = Arc::new(taken);
    if note(outbox, &taken, &outcome).await {
        outcome.log(&taken);
    }
}

/// The outcome of a row.
enum DeliveryOutcome {
    /// Nothing was sent, because the message has no reader (any more).
    Dropped,
    Sent,
    /// The next attempt is at this time.
    Later(Millis, String),
    /// The message was given up.
    Never(Millis, String),
}

impl DeliveryOutcome {
    fn of(outbox: &Outbox, taken: &Taken, sent: Result<bool, Failure>) -> DeliveryOutcome {
        let now = outbox.platform.world.now();
        let attempts = ChannelLimits::of(&outbox.platform, Channel::of(&taken.address)).attempts;
        match sent {
            Ok(false) => DeliveryOutcome::Dropped,
            Ok(true) => DeliveryOutcome::Sent,
            Err(Failure::Later(cause)) if taken.lease.attempts < i64::from(attempts) => {
                let pause = delivery_queue::pause(
                    taken.lease.attempts,
                    u64::from_be_bytes(outbox.platform.world.bytes()),
                );
                DeliveryOutcome::Later(now + pause, cause)
            }
            Err(Failure::Later(cause) | Failure::Never(cause)) => DeliveryOutcome::Never(now, cause),
        }
    }

    async fn store(&self, tx: &mut Tx, taken: &Taken) -> Result<(), StoreError> {
        match self {
            DeliveryOutcome::Dropped | DeliveryOutcome::Sent => {
                doorward_store::outbox::delete(tx, &taken.lease).await
            }
            DeliveryOutcome::Later(at, cause) => {
                doorward_store::outbox::postpone(tx, &taken.lease, *at, cause).await
            }
            DeliveryOutcome::Never(now, cause) => {
                doorward_store::outbox::give_up(tx, &taken.lease, *now, cause).await
            }
        }
    }

    fn log(&self, taken: &Taken) {
        let kind = taken.message.map_or("unknown", Message::as_str);
        let (mail, attempts, what) =
            (&taken.lease.id, taken.lease.attempts, Channel::of(&taken.address).what());
        match self {
            DeliveryOutcome::Dropped => {}
            DeliveryOutcome::Sent => tracing::info!(mail, kind, attempts, "sent {what}"),
            DeliveryOutcome::Later(_, cause) => {
                tracing::warn!(mail, kind, attempts, cause, "could not send {what}")
            }
            DeliveryOutcome::Never(_, cause) => {
                tracing::error!(mail, kind, attempts, cause, "gave up {what}")
            }
        }
    }
}

/// Stores the outcome. Retries while the database is unavailable. False after any other error.
async fn note(outbox: &Arc<Outbox>, taken: &Arc<Taken>, outcome: &Arc<DeliveryOutcome>) -> bool {
    let mut held_back = None;
    loop {
        let (row, outcome) = (taken.clone(), outcome.clone());
        let noted = outbox.platform.store.write(transaction!(|tx| outcome.store(tx, &row).await)).await;
        let Err(error) = noted else { return true };
        tracing::warn!(mail = taken.lease.id, cause = %error, "the outcome of a message could not be stored");
        // Other errors do not pass by themselves: the lease runs out, and the row is taken again.
        let StoreError::Unavailable(_) = error else { return false };
        held_back.get_or_insert_with(|| HeldBack::of(outbox));
        tokio::time::sleep(AGAIN).await;
    }
}

/// While this exists, no message is taken from the outbox.
struct HeldBack(Arc<Outbox>);

impl HeldBack {
    fn of(outbox: &Arc<Outbox>) -> HeldBack {
        outbox.wake_up.unnoted.fetch_add(1, Ordering::SeqCst);
        HeldBack(outbox.clone())
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        self.0.wake_up.unnoted.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Renders the mail or SMS.
fn write(outbox: &Outbox, taken: &Taken, content: &Content) -> Result<OutgoingMessage, String> {
    let Content { message, language, values } = content;
    let message = message.ok_or("this version has no such message")?;
    let id = format!("{}.{}", taken.lease.id, taken.lease.attempts);
    let to = taken.address.clone();
    match Channel::of(&to) {
        Channel::Mail => {
            let rendered = outbox.templates.render(message, language, values).map_err(|e| e.to_string())?;
            let Rendered { subject, text, html } = rendered;
            let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
            let (code, link) = (given(&values.code), given(&values.link));
            Ok(OutgoingMessage::Mail(Mail { id, message, to, subject, text, html, code, link }))
        }
        Channel::Sms => {
            let text = outbox.templates.render_sms(message, language, values).map_err(|e| e.to_string())?;
            Ok(OutgoingMessage::Sms(Sms { id, message, to, text, code: values.code.clone() }))
        }
    }
}
