/// Channels that a connection listens to, over a second socket that its thread serves as well.
///
/// A subscribed socket of RESP2 takes no other commands. With both on one thread, what a message
/// makes `onEvent` submit is written in the same turn: no thread need be woken for it.
public struct Subscription: Sendable {
    /// What to subscribe to, 1 or more.
    public var channels: [String]
    /// One more, which this user need not be allowed: `listening` says that it is.
    public var optional: String?
    /// Hears of it, on the connection's thread; must be short.
    public var onEvent: @Sendable (SubscriptionEvent) -> Void

    /// Makes one; the connection subscribes at once, and again after every loss.
    public init(
        to channels: [String], optional: String? = nil,
        onEvent: @escaping @Sendable (SubscriptionEvent) -> Void
    ) {
        precondition(!channels.isEmpty, "a subscription needs a channel")
        self.channels = channels
        self.optional = optional
        self.onEvent = onEvent
    }
}

/// What happens to a subscription, in order.
@nonexhaustive
public enum SubscriptionEvent: Sendable {
    /// The server has confirmed all channels: what it publishes from now on arrives, until it is
    /// lost. The number is that of the subscribed client, for CLIENT TRACKING.
    case subscribed(clientID: Int)
    /// The server has confirmed the optional channel; it is lost with the others.
    case listening
    /// Somebody published; the payload of Redis's own channels is an array or null.
    case message(channel: String, RedisValue)
    /// It was subscribed and is no more: messages are missed until the next `subscribed`.
    case lost(RedisError)
    /// A try to subscribe failed; the next comes after `retryIn`.
    case failed(RedisError, retryIn: Duration)
}
