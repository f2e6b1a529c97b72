import Testing

@testable import RedisLink

@Suite("Backoff")
struct BackoffTests {
    @Test func `a connection is tried again before the shortest lease can lapse`() {
        var generator = SystemRandomNumberGenerator()
        var backoff = Backoff(limit: ConnectionThread.longestWait)
        for _ in 0..<1000 {
            // A sixth of 3 s: the last renewal may be as old, and a gap counts as most of itself.
            #expect(backoff.next(using: &generator) <= 500_000_000)
        }
    }

    @Test func `waits are bounded by twice the last bound, and by the limit`() {
        var generator = Seeded(1)
        for _ in 0..<50 {
            var backoff = Backoff(base: .milliseconds(50), limit: .seconds(5))
            for turn in 0..<70 {
                let bound: Int64 = min(5_000_000_000, 50_000_000 << min(Int64(turn), 20))
                #expect((1_000_000...bound).contains(backoff.next(using: &generator)))
            }
        }
    }

    @Test func `the jitter is full: waits fall on all of the range`() {
        var generator = Seeded(2)
        var tenths = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 {
            var backoff = Backoff(base: .seconds(1), limit: .seconds(1))
            let wait = backoff.next(using: &generator)
            tenths[Int(min(wait, 999_999_999) / 100_000_000)] += 1
        }
        #expect(tenths.allSatisfy { (850...1150).contains($0) })
    }

    @Test func `a success starts again with the shortest`() {
        var generator = Seeded(3)
        var backoff = Backoff(base: .milliseconds(2), limit: .seconds(5))
        for _ in 0..<100 {
            for _ in 0..<30 { _ = backoff.next(using: &generator) }
            backoff.reset()
            #expect(backoff.next(using: &generator) <= 2_000_000)
        }
    }

    @Test(arguments: [.zero, .nanoseconds(1), .seconds(20_000), .seconds(Int64.max)] as [Duration])
    func `no base and no limit makes it overflow`(base: Duration) {
        var generator = Seeded(4)
        for limit in [Duration.zero, .milliseconds(5), .seconds(Int64.max)] {
            var backoff = Backoff(base: base, limit: limit)
            for _ in 0..<100 {
                let most: Int64 = max(1_000_000, limit.nanoseconds)
                #expect((1_000_000...most).contains(backoff.next(using: &generator)))
            }
        }
    }
}

@Suite("Fifo")
struct FifoTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `behaves as an array does`(seed: UInt64) {
        var generator = Seeded(seed)
        var fifo = Fifo<Int>()
        var model: [Int] = []
        // Long phases of growing and shrinking, so that it is compacted at both kinds of bound.
        for _ in 0..<12 {
            let appends = Int.random(in: 1...9, using: &generator)
            for step in 0..<Int.random(in: 0...4000, using: &generator) {
                if Int.random(in: 0..<10, using: &generator) < appends {
                    fifo.append(step)
                    model.append(step)
                } else {
                    let expected = model.isEmpty ? nil : model.removeFirst()
                    // An expectation for each would take most of the time.
                    if fifo.popFirst() != expected {
                        Issue.record("not \(String(describing: expected))")
                    }
                }
                if fifo.count != model.count || fifo.first != model.first {
                    Issue.record("count \(fifo.count) of \(model.count)")
                    return
                }
            }
            #expect(fifo.all == model)
            #expect(fifo.isEmpty == model.isEmpty)
            if Int.random(in: 0..<6, using: &generator) == 0 {
                #expect(fifo.removeAll() == model)
                model = []
            }
        }
    }

    @Test func `a long queue that is emptied half and half stays in order`() {
        var fifo = Fifo<Int>()
        var next = 0
        for turn in 0..<20 {
            for number in 0..<10_000 { fifo.append(turn * 10_000 + number) }
            for _ in 0..<(turn == 19 ? fifo.count : 9_000) {
                if fifo.popFirst() != next { Issue.record("not \(next)") }
                next += 1
            }
        }
        #expect(fifo.isEmpty)
        #expect(fifo.popFirst() == nil)
        #expect(fifo.first == nil)
    }

    @Test func `lets go of what was taken`() {
        final class Token {}
        var fifo = Fifo<Token>()
        weak var token: Token?
        do {
            let strong = Token()
            token = strong
            fifo.append(strong)
            fifo.append(Token())
        }
        #expect(token != nil)
        _ = fifo.popFirst()
        #expect(token == nil)
    }
}

@Suite("Command")
struct CommandTests {
    private func text(_ command: Command) -> String {
        String(decoding: command.wire, as: UTF8.self)
    }

    @Test func `words are counted in bytes`() {
        #expect(text(Command("GET", "ü")) == "*2\r\n$3\r\nGET\r\n$2\r\nü\r\n")
        #expect(
            text(Command("SET", "", "\r\n\0")) == "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$3\r\n\r\n\0\r\n")
        #expect(text(Command("", "")) == "*2\r\n$0\r\n\r\n$0\r\n\r\n")
        #expect(Command("GET", "k").name == "GET")
    }

    @Test func `numbers are decimal`() {
        var arguments = Arguments()
        arguments.append(0, -1, 10, .max, .min)
        arguments.append("a", "", "b")
        arguments.append([0, 255])
        var expected = "*7\r\n$1\r\n0\r\n$2\r\n-1\r\n$2\r\n10\r\n$19\r\n9223372036854775807\r\n"
        expected += "$20\r\n-9223372036854775808\r\n$2\r\nab\r\n$2\r\n"
        let wire = Command(name: "x", arguments).wire
        #expect(wire == Array(expected.utf8) + [0, 255, 13, 10])
    }

    @Test func `a script call becomes EVAL with the same keys and arguments`() throws {
        let script = Script(name: "s", source: Array("return 1".utf8))
        #expect(script.digest == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
        var arguments = Arguments(calling: script, keys: ["k1", "k2"])
        arguments.append("a")
        let call = Command(script: script, arguments)
        let rest = "$1\r\n2\r\n$2\r\nk1\r\n$2\r\nk2\r\n$1\r\na\r\n"
        #expect(text(call) == "*6\r\n$7\r\nEVALSHA\r\n$40\r\n\(script.digest)\r\n" + rest)
        let again = try #require(call.evaluated())
        #expect(
            String(decoding: again, as: UTF8.self) == "*6\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n"
                + rest)
        #expect(call.asEvaluated().evaluated() == nil)
        #expect(Command("EVALSHA", script.digest, "0").evaluated() == nil)
    }
}

@Suite("Durations")
struct DurationTests {
    @Test func `saturate instead of overflowing`() {
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
        #expect((Duration.seconds(9_223_372_036) + .milliseconds(999)).nanoseconds == .max)
        #expect((Duration.seconds(-9_223_372_036) - .milliseconds(999)).nanoseconds == .min)
        #expect(Duration.milliseconds(-1).nanoseconds == -1_000_000)
        #expect(Duration.microseconds(1999).milliseconds == 1)
        #expect(monotonicDeadline(after: .seconds(Int64.max)) == .max)
        #expect(monotonicDeadline(after: .seconds(-5)) < monotonicNanoseconds())
    }
}

@Suite("OutputBuffer")
struct OutputBufferTests {
    @Test func `gives the bytes in order and forgets those that left, never empty or not`() {
        var generator = Seeded(7)
        var buffer = OutputBuffer()
        let pattern = (0..<17_000).map { UInt8($0 % 251) }
        var written = 0
        var read = 0
        for _ in 0..<2000 {
            let count = Int.random(in: 1...16_384, using: &generator)
            buffer.append(Array(pattern[(written % 251)...].prefix(count)))
            written += count
            #expect(buffer.count == written - read)
            let take = Int.random(in: 1...max(1, buffer.count - 1), using: &generator)
            let (first, last) = buffer.withBytes { ($0[0], $0[take - 1]) }
            #expect(first == UInt8(read % 251))
            #expect(last == UInt8((read + take - 1) % 251))
            buffer.removeFirst(take)
            read += take
        }
        #expect(buffer.capacity <= 8 << 20)
    }
}
