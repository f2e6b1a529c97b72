import Testing

@testable import JobRunner

@Suite("JobID")
struct JobIDTests {
    @Test(
        arguments: [
            (JobIDBits(high: 0, low: 0), "00000000000000000000000000"),
            (JobIDBits(high: .max, low: .max), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
            (JobIDBits(high: 1, low: 0), "0000000000000G000000000000"),
            (JobIDBits(high: 0, low: .max), "0000000000000FZZZZZZZZZZZZ"),
            (JobIDBits(high: 1_469_918_176_385 << 16, low: 0), "01ARYZ6S410000000000000000"),
        ])
    func `bits are written in Crockford's base 32`(bits: JobIDBits, text: String) {
        #expect(bits.text == text)
    }

    @Test func `an id starts with its millisecond`() {
        let id = JobID.generate(now: 1_469_918_176_385)
        #expect(id.description.hasPrefix("01ARYZ6S41"))
        #expect(id.description.utf8.count == 26)
        #expect((try? JobID(id.description)) == id)
    }

    @Test(arguments: [(Int64.min, "0000000000"), (-1, "0000000000"), (.max, "7ZZZZZZZZZ")])
    func `a time out of bounds is clamped`(milliseconds: Int64, prefix: String) {
        #expect(JobID.generate(now: milliseconds).description.hasPrefix(prefix))
    }

    @Test func `ids of one millisecond are made in ascending order`() {
        var generator = JobIDGenerator()
        let ids = (0..<10_000).map { _ in generator.next(7).text }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == ids.count)
    }

    @Test func `ids sort by time`() {
        let ids = (0..<1000).map { JobID.generate(now: 1_763_000_000_000 + $0) }
        #expect(ids == ids.sorted())
    }

    @Test func `counting up never touches the time`() {
        var bits = JobIDBits(high: 5 << 16 | 0xFFFE, low: .max)
        let counted = bits.increment()
        #expect(counted)
        #expect(bits == JobIDBits(high: 5 << 16 | 0xFFFF, low: 0))
        bits.low = .max
        let overflowed = !bits.increment()
        #expect(overflowed)
        #expect(bits == JobIDBits(high: 5 << 16 | 0xFFFF, low: .max))
    }

    @Test func `ids made by many tasks at once differ`() async {
        let all = await withTaskGroup(of: [JobID].self) { group in
            for task in 0..<8 {
                group.addTask { (0..<5000).map { .generate(now: Int64(($0 + task) % 3)) } }
            }
            return await group.reduce(into: Set<JobID>()) { $0.formUnion($1) }
        }
        #expect(all.count == 40_000)
    }
}
