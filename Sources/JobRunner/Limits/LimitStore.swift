internal import RedisLink

/// The store of one limit: its scripts.
package struct LimitStore: Sendable {
    package let keys: LimitKeys

    package init(_ keys: LimitKeys) {
        self.keys = keys
    }

    /// What a job asks of a rate limit.
    package struct Ask: Sendable {
        package let cost: Int
        /// The start that was reserved for it, server µs; 0 is none.
        package let reserved: Int64

        package init(cost: Int, reserved: Int64) {
            self.cost = cost
            self.reserved = reserved
        }
    }

    /// What it hears.
    package enum Grant: Sendable, Equatable {
        /// It may start in so many µs.
        case start(in: Int)
        /// Not now: this start is its own, server µs, in so many µs.
        case reserved(Int64, in: Int)
    }

    /// Longest a job is asked to wait in its slot, µs; a job that comes anew a fifth of it.
    package static let patience = 50_000

    /// `take.lua`: asks for the starts of up to 1,000 jobs.
    package func take(_ value: String, _ limit: RateLimit, _ asks: [Ask]) -> Call<[Grant]> {
        var words = Arguments(calling: Scripts.take, keys: [keys.tokens(value), keys.rule])
        words.append(limit.each, limit.burst, Self.patience)
        for ask in asks { words.append(ask.cost, Int(ask.reserved)) }
        let count = asks.count
        return Call(key: keys.rule, command: Command(script: Scripts.take, words)) {
            reply throws(RedisError) in
            let pairs = (reply.array ?? []).compactMap { $0.array?.compactMap(\.integer) }
            guard pairs.count == count, pairs.allSatisfy({ $0.count == 2 }) else {
                throw .unexpectedReply(command: "take", got: reply.kind)
            }
            return pairs.map { pair in
                pair[0] == 0 ? .start(in: pair[1]) : .reserved(Int64(pair[0]), in: pair[1])
            }
        }
    }

    /// `close.lua`: lets nothing start until then, unless it is closed for longer.
    ///
    /// - Parameter time: Server ms.
    /// - Returns: False when it is.
    package func close(until time: Int) -> Call<Bool> {
        var words = Arguments(calling: Scripts.close, keys: [keys.rule])
        words.append(time)
        return Call(key: keys.rule, command: Command(script: Scripts.close, words)) {
            $0.integer == 1
        }
    }

    /// What is done with claims.
    package enum Claiming: String, Sendable {
        case take, keep, regain, free
    }

    /// `claim.lua`: takes, renews or lets go of places.
    ///
    /// - Returns: Places left, a fence, and for each holder whether it has one.
    package func claim(
        _ what: Claiming, _ value: String, most: Int, lease: Int, holders: [String]
    ) -> Call<(free: Int, fence: Int, held: [Bool])> {
        Self.claim(
            what, key: keys.running(value), rule: keys.rule, most: most, lease: lease,
            holders: holders)
    }

    package static func claim(
        _ what: Claiming, key: String, rule: String, most: Int, lease: Int, holders: [String]
    ) -> Call<(free: Int, fence: Int, held: [Bool])> {
        var words = Arguments(calling: Scripts.claim, keys: [key, rule])
        words.append(what.rawValue)
        words.append(most, lease)
        for holder in holders { words.append(holder) }
        return Call(key: key, command: Command(script: Scripts.claim, words)) {
            reply throws(RedisError) in
            let numbers = (reply.array ?? []).compactMap(\.integer)
            guard numbers.count == holders.count + 2 else {
                throw .unexpectedReply(command: "claim", got: reply.kind)
            }
            return (numbers[0], numbers[1], numbers.dropFirst(2).map { $0 == 1 })
        }
    }
}
