#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The socket of a subscription: subscribes, hands out messages, comes back after a loss.
///
/// Not Sendable: made, used and dropped on a connection's thread, which polls for it.
final class SubscribedLink {
    private let endpoint: Endpoint
    private let options: ConnectionOptions
    private let subscription: Subscription
    private var link: Link?
    private var clientID = 0
    private var unconfirmed = 0
    private var backoff = Backoff(limit: ConnectionThread.longestWait)
    private var random = SystemRandomNumberGenerator()

    /// -1 while it is not connected, which `poll` passes over.
    private(set) var descriptor: Int32 = -1
    /// What to poll for.
    private(set) var interest: Int16 = 0
    /// Monotonic time of the next try, or until which the server may confirm; `max` for never.
    private(set) var wakeAt: Int64 = 0

    /// A server that refuses may be told to allow it by and by.
    private static let waitAfterRefusal: Duration = .seconds(30)

    init(_ endpoint: Endpoint, _ options: ConnectionOptions, _ subscription: Subscription) {
        self.endpoint = endpoint
        var options = options
        options.name += "-sub"
        options.scripts = []
        self.options = options
        self.subscription = subscription
    }

    /// Connects when it is time; gives up a server that does not confirm.
    func keepUp() {
        guard monotonicNanoseconds() >= wakeAt else { return }
        if link != nil {
            return end(
                .timeout(
                    address: endpoint.description, command: "SUBSCRIBE",
                    after: options.connectTimeout))
        }
        do throws(RedisError) {
            var link = try Link.open(endpoint, options)
            link.send(Command(["SUBSCRIBE"] + subscription.channels))
            if let optional = subscription.optional { link.send(Command("SUBSCRIBE", optional)) }
            try link.write()
            descriptor = link.descriptor
            interest = link.interest
            clientID = link.clientID ?? 0
            self.link = consume link
            unconfirmed = subscription.channels.count
            wakeAt = monotonicDeadline(after: options.connectTimeout)
        } catch {
            retry(after: error)
        }
    }

    /// After a poll: reads what came.
    func turn(_ events: Int16) {
        guard events != 0, var link = link.take() else { return }
        let result: Result<[RedisValue], RedisError>
        do throws(RedisError) {
            try link.write()
            try link.read()
            result = .success(link.takeUnasked())
            interest = link.interest
            self.link = consume link
        } catch {
            result = .failure(error)
        }
        switch result {
        case .success(let values): for value in values where self.link != nil { hear(value) }
        case .failure(let error): end(error)
        }
    }

    /// Closes the socket; nothing more is said.
    func close() {
        link = nil
        descriptor = -1
        wakeAt = .max
    }

    private func hear(_ value: RedisValue) {
        if case .error(let error) = value {
            // Of the optional one, for it comes last; a subscribed client asks nothing else.
            if unconfirmed == 0, subscription.optional != nil { return }
            return end(.server(error))
        }
        guard let words = value.array, words.count == 3, let kind = words[0].text,
            let channel = words[1].text
        else { return end(.unexpectedReply(command: "SUBSCRIBE", got: value.kind)) }
        switch kind {
        case "message":
            subscription.onEvent(.message(channel: channel, words[2]))
        case "subscribe" where unconfirmed == 0:
            subscription.onEvent(.listening)
        case "subscribe":
            unconfirmed -= 1
            guard unconfirmed == 0 else { return }
            wakeAt = .max
            backoff.reset()
            subscription.onEvent(.subscribed(clientID: clientID))
        default: break
        }
    }

    private func end(_ error: RedisError) {
        link = nil
        descriptor = -1
        if unconfirmed == 0 {
            subscription.onEvent(.lost(error))
            wakeAt = 0
        } else {
            retry(after: error)
        }
    }

    private func retry(after error: RedisError) {
        let wait =
            error.isTransient
            ? backoff.next(using: &random) : Self.waitAfterRefusal.nanoseconds
        wakeAt = monotonicNanoseconds() + wait
        subscription.onEvent(.failed(error, retryIn: .nanoseconds(wait)))
    }
}
