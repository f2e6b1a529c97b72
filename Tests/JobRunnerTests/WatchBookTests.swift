import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Who waits for a key, and when it is read: decided without a server.
@Suite struct WatchBookTests {
    private final class Watcher: KeyWatcher {
        let wantsChanges: Bool
        init(changes: Bool = false) { wantsChanges = changes }
        func saw(_ value: [UInt8]) {}
        func ended(_ end: WatchEnd) {}
    }

    /// A book, a clock and dice that fall alike each time.
    private final class Table {
        var book = WatchBook()
        var now: Int64 = 1_000_000_000
        var random = SystemRandomNumberGenerator()
        /// Numbers of the reads under way, oldest first.
        private var reading: [String: [Int]] = [:]

        private func note(_ steps: WatchBook.Steps) -> WatchBook.Steps {
            for read in steps.reads { reading[read.key, default: []].append(read.number) }
            return steps
        }

        private func next(_ key: String) -> Int {
            reading[key, default: [0]].isEmpty ? 0 : reading[key, default: [0]].removeFirst()
        }

        init(isTracking: Bool = true) { _ = track(isTracking) }

        func track(_ on: Bool) -> WatchBook.Steps {
            note(book.setTracking(on))
        }
        func add(
            _ key: String, in time: Int64 = 60, isFresh: Bool = false, changes: Bool = false,
            isTold: Bool = false
        ) -> (id: Int, reads: [WatchBook.Read]) {
            let deadline = now + time * 1_000_000_000
            let (id, steps) = book.add(
                Watcher(changes: changes), key: key, deadline: deadline, isFresh: isFresh,
                told: isTold ? now : nil)
            return (id, note(steps).reads.map(\.how))
        }
        func tell(_ key: String, _ text: String?) -> WatchBook.Steps {
            note(book.told(key, text.map { Array($0.utf8) }))
        }
        func leave(_ id: Int) -> Bool { book.remove(id) }
        func change(_ key: String?) -> WatchBook.Steps {
            note(book.changed(key))
        }
        func answer(_ key: String, _ text: String?) -> WatchBook.Steps {
            let value = text.map { Array($0.utf8) }
            return note(book.answered(key, next(key), .success(value), now: now, using: &random))
        }
        func fail(_ key: String, _ error: RedisError) -> WatchBook.Steps {
            note(book.answered(key, next(key), .failure(error), now: now, using: &random))
        }
        func pass(after seconds: Double) -> WatchBook.Steps {
            now += Int64(seconds * 1e9)
            return note(book.pass(now: now))
        }
    }

    private func values(_ steps: WatchBook.Steps) -> [String] {
        steps.ended.compactMap {
            if case .value(let bytes) = $0.end {
                String(decoding: bytes, as: UTF8.self)
            } else {
                nil
            }
        }
    }

    private func timeouts(_ steps: WatchBook.Steps) -> Int {
        steps.ended.count { if case .timeIsUp = $0.end { true } else { false } }
    }

    @Test func `what is there already is read once, and not tracked`() {
        let table = Table()
        #expect(table.add("k").reads == [.plain])
        #expect(values(table.answer("k", "v")) == ["v"])
        #expect(table.book.isEmpty)
        #expect(table.book.nextTime < .max)
        _ = table.pass(after: 100)
        #expect(table.book.nextTime == .max)
    }

    @Test func `what is not there is tracked, then read when it changes, then no more`() {
        let table = Table()
        _ = table.add("k")
        #expect(table.answer("k", nil).reads.map(\.how) == [.armed])
        #expect(table.answer("k", nil).reads.isEmpty)
        #expect(table.change("other").reads.isEmpty)
        #expect(table.change("k").reads.map(\.how) == [.plain])
        #expect(values(table.answer("k", "v")) == ["v"])
        #expect(table.book.isEmpty)
    }

    @Test func `what was just enqueued is tracked at once`() {
        let table = Table()
        #expect(table.add("k", isFresh: true).reads == [.armed])
    }

    @Test func `what a message brings is not read`() {
        let table = Table()
        #expect(table.add("k", isTold: true).reads.isEmpty)
        #expect(table.tell("other", "v").ended.isEmpty)
        let steps = table.tell("k", "v")
        #expect(values(steps) == ["v"] && steps.reads.isEmpty && !steps.missesMessages)
        #expect(table.book.isEmpty)
        #expect(table.tell("k", "v").ended.isEmpty)
    }

    @Test func `a message that does not come is not waited for alone`() {
        let table = Table()
        _ = table.add("k", isTold: true)
        #expect(table.pass(after: 0.019).reads.isEmpty)
        #expect(table.pass(after: 0.002).reads.map(\.how) == [.armed])
        #expect(table.answer("k", nil).reads.isEmpty)
        #expect(table.change("k").reads.count == 1)
        let steps = table.answer("k", "v")
        #expect(values(steps) == ["v"] && steps.missesMessages)
        // One that was looked for in vain, and then came.
        _ = table.add("k", isTold: true)
        _ = table.pass(after: 0.021)
        #expect(!table.answer("k", nil).missesMessages)
        #expect(values(table.tell("k", "v")) == ["v"])
    }

    @Test func `a message without the value makes it read`() {
        let table = Table()
        _ = table.add("k", isTold: true)
        #expect(table.tell("k", nil).reads.map(\.how) == [.plain])
        let steps = table.answer("k", "v")
        #expect(values(steps) == ["v"] && !steps.missesMessages)
    }

    @Test func `where nothing is told it is read at once`() {
        let table = Table(isTracking: false)
        #expect(table.add("k", isTold: true).reads == [.plain])
        // Nor is anything told when the subscription is lost.
        let other = Table()
        _ = other.add("k", isTold: true)
        #expect(other.track(false).reads.map(\.how) == [.plain])
    }

    @Test func `a time to end may come nearer`() {
        let table = Table()
        let id = table.add("k", in: 60, isTold: true).id
        table.book.limit(id, to: table.now + 1_000_000_000)
        _ = table.pass(after: 0.5)
        _ = table.answer("k", nil)
        #expect(table.pass(after: 0.4).reads.isEmpty)
        #expect(table.pass(after: 0.2).reads.count == 1)
        #expect(timeouts(table.answer("k", nil)) == 1)
        table.book.limit(id, to: 0)
    }

    @Test func `all who wait for a key share its reads`() {
        let table = Table()
        #expect(table.add("k").reads == [.plain])
        for _ in 0..<99 { #expect(table.add("k").reads.isEmpty) }
        #expect(table.answer("k", nil).reads.map(\.how) == [.armed])
        #expect(table.answer("k", nil).reads.isEmpty)
        // The server tells: whoever comes later needs no read either.
        #expect(table.add("k").reads.isEmpty)
        #expect(table.change("k").reads.count == 1)
        #expect(values(table.answer("k", "v")).count == 101)
    }

    @Test func `a change during a read makes another`() {
        let table = Table()
        _ = table.add("k", isFresh: true)
        #expect(table.change("k").reads.isEmpty)
        #expect(table.answer("k", nil).reads.map(\.how) == [.plain])
        #expect(values(table.answer("k", "v")) == ["v"])
    }

    @Test func `a change to nothing is tracked again`() {
        let table = Table()
        _ = table.add("k", isFresh: true)
        _ = table.answer("k", nil)
        #expect(table.change("k").reads.map(\.how) == [.plain])
        #expect(table.answer("k", nil).reads.map(\.how) == [.armed])
    }

    @Test func `all keys changed, or tracking came back: all are read, tracked`() {
        let table = Table()
        for key in ["a", "b"] {
            _ = table.add(key, isFresh: true)
            _ = table.answer(key, nil)
        }
        for steps in [table.change(nil), table.track(true)] {
            #expect(Set(steps.reads.map(\.key)).isSubset(of: ["a", "b"]))
            #expect(steps.reads.allSatisfy { $0.how == .armed })
        }
        // The second found the first's reads under way: they are made again.
        #expect(table.answer("a", nil).reads.map(\.how) == [.plain])
        #expect(table.answer("a", nil).reads.map(\.how) == [.armed])
        #expect(table.answer("a", nil).reads.isEmpty)
    }

    @Test func `a wake-up that is lost costs some seconds`() {
        let table = Table()
        _ = table.add("k", isFresh: true)
        _ = table.answer("k", nil)
        let wait = table.book.nextTime - table.now
        #expect((3_500_000_000...7_000_000_000).contains(wait))
        #expect(table.pass(after: 3).reads.isEmpty)
        #expect(table.pass(after: 4.5).reads.map(\.how) == [.plain])
        #expect(table.answer("k", nil).reads.isEmpty)
        #expect(table.book.nextTime > table.now)
    }

    @Test func `without tracking it is read more and more seldom, up to a second`() {
        let table = Table(isTracking: false)
        #expect(table.add("k", in: 3600).reads == [.plain])
        var waits: [Int64] = []
        for _ in 0..<40 {
            #expect(table.answer("k", nil).reads.isEmpty)
            let wait = table.book.nextTime - table.now
            waits.append(wait)
            #expect(table.pass(after: Double(wait) / 1e9 + 1e-6).reads.map(\.how) == [.plain])
        }
        #expect(waits[0] < 40_000_000)
        #expect(waits.max() ?? 0 <= 1_400_000_000)
        #expect(waits.suffix(10).min() ?? 0 >= 600_000_000)
    }

    @Test func `when its time is up it is read once more`() {
        let table = Table()
        _ = table.add("k", in: 1, isFresh: true)
        _ = table.add("k", in: 50)
        _ = table.answer("k", nil)
        _ = table.answer("k", nil)
        let last = table.pass(after: 1)
        #expect(last.reads.map(\.how) == [.plain])
        let ended = table.answer("k", nil)
        #expect(timeouts(ended) == 1)
        #expect(table.book.count == 1)
        _ = table.add("k", in: 1)
        _ = table.answer("k", nil)
        _ = table.pass(after: 1)
        #expect(values(table.answer("k", "late")).count == 2)
    }

    @Test func `a time that is up during a read ends with its answer`() {
        let table = Table()
        _ = table.add("k", in: 0, isFresh: true)
        #expect(table.pass(after: 0).reads.isEmpty)
        #expect(timeouts(table.answer("k", nil)) == 1)
        #expect(table.book.isEmpty)
    }

    @Test func `nobody gives up on a read that a change has overtaken`() {
        let table = Table()
        _ = table.add("k", in: 1, isFresh: true)
        _ = table.pass(after: 1)
        _ = table.change("k")
        let steps = table.answer("k", nil)
        #expect(steps.ended.isEmpty)
        #expect(steps.reads.count == 1)
        #expect(values(table.answer("k", "v")) == ["v"])
    }

    @Test func `an outage is waited out, a refusal is not`() {
        let table = Table()
        _ = table.add("k", isFresh: true)
        let lost = RedisError.closed(address: "x", reason: "gone")
        #expect(table.fail("k", lost).ended.isEmpty)
        // Not five seconds: the server may be back before.
        #expect(table.book.nextTime - table.now < 100_000_000)
        _ = table.pass(after: 0.1)
        let refusal = RedisError.server(ServerError("NOPERM no"))
        let ended = table.fail("k", refusal).ended
        guard case .failed(refusal) = ended.first?.end else {
            return #expect(Bool(false), "\(ended)")
        }
        #expect(table.book.isEmpty)
    }

    @Test func `changes are told each time, to those who want them`() {
        let table = Table()
        #expect(table.add("k", changes: true).reads == [.armed])
        #expect(table.answer("k", "1").seen.map(\.value) == [[UInt8(ascii: "1")]])
        #expect(table.change("k").reads.map(\.how) == [.armed])
        let steps = table.answer("k", "2")
        #expect(steps.seen.count == 1 && steps.ended.isEmpty && steps.reads.isEmpty)
    }

    @Test func `the answer to one who left is not taken for another's`() {
        let table = Table()
        let first = table.add("k", isFresh: true).id
        #expect(table.leave(first))
        #expect(table.add("k", isFresh: true).reads == [.armed])
        // Older than the second read: the value may have come between the two.
        #expect(table.answer("k", nil).reads.isEmpty)
        #expect(values(table.answer("k", "v")) == ["v"])
    }

    @Test func `who leaves is forgotten`() {
        let table = Table()
        let first = table.add("k").id
        let second = table.add("k").id
        #expect(table.leave(first))
        #expect(!table.leave(first))
        #expect(table.book.count == 1)
        #expect(table.leave(second))
        #expect(table.book.isEmpty)
        #expect(table.answer("k", "v").ended.isEmpty)
        #expect(table.change("k").reads.isEmpty)
        #expect(table.pass(after: 100).reads.isEmpty)
        #expect(table.book.nextTime == .max)
    }
}
