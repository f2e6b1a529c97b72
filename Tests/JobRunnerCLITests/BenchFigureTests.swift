import Foundation
import JobRunner
import Testing

@testable import JobRunnerCLI

@Suite("Figures of the bench")
struct BenchFigureTests {
    @Test(arguments: [
        (0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100), (0.0, 1), (0.501, 51),
    ])
    func `a percentile is a sample, by nearest rank`(share: Double, expected: Int) {
        #expect(percentile(share, ofSorted: Array(1...100)) == expected)
    }

    @Test func `few samples have percentiles too`() {
        #expect(percentile(0.5, ofSorted: [7]) == 7)
        #expect(percentile(0.999, ofSorted: [7, 8]) == 8)
        #expect(percentile(0.5, ofSorted: [Int]()) == nil)
    }

    @Test(arguments: [([3.0], 3.0), ([9.0, 1.0, 5.0], 5.0), ([4.0, 1.0, 3.0, 2.0], 2.5)])
    func `the median is the middle`(samples: [Double], expected: Double) {
        #expect(median(samples) == expected)
    }

    @Test func `there is no median of nothing`() {
        #expect(median([]) == nil)
    }

    @Test(arguments: [
        (0.123456, 0.123), (12.3456, 12.346), (1234.56, 1235.0), (-1234.56, -1235.0),
        (Double.nan, 0.0), (Double.infinity, 0.0),
    ])
    func `digits that are noise are cut`(value: Double, expected: Double) {
        #expect(rounded(value) == expected)
    }

    @Test func `runs give a median, a spread and a ratio`() {
        var figures = BenchFigures()
        for value in [10.0, 30, 20] { figures.add(.drain, value) }
        figures.add(.pushes, 40)
        #expect(figures[.drain] == 20)
        #expect(figures.spread(.drain) == 10...30)
        #expect(figures.spread(.pushes) == nil)
        #expect(figures.ratio(.drain) == 0.5)
        #expect(figures.ratio(.enqueueOne) == nil)
        #expect(figures.ratio(.pushes) == nil)
    }

    @Test func `counters are read from INFO`() {
        let text =
            "# CPU\r\nused_cpu_sys:1.500000\r\nused_cpu_user:0.250000\r\n"
            + "total_reads_processed:7\r\n"
            + "cmdstat_evalsha:calls=3,usec=90,usec_per_call=30.00,rejected_calls=0\r\n"
            + "cmdstat_get:calls=2,usec=5,usec_per_call=2.50\r\ncmdstat_info:calls=9,usec=1\r\n"
        let counters = ServerCounters(text, at: 0)
        #expect(counters.cpu == 1_750_000)
        #expect(counters.reads == 7)
        #expect(counters.commands == 5)
        #expect(counters.scripts == 3)
        #expect(counters.scriptTime == 90)
    }

    @Test(arguments: [130, 500])
    func `a job is as large as asked for`(bytes: Int) throws {
        let job = try BenchJob.ofSize(bytes, queue: "bench")
        #expect(try job.envelope(queue: "bench").count == bytes)
        let silent = try SilentJob.ofSize(bytes, queue: "bench")
        #expect(try silent.envelope(queue: "bench").count == bytes)
    }

    @Test func `a report survives its line`() throws {
        var report = BenchReport(.finished, text: "a\n\"b\"")
        report.samples = [1, 2]
        report.cpu = 1.5
        let line = try #require(report.line)
        #expect(line.filter { $0 == "\n" }.count == 1)
        let read = try #require(BenchReport(line: line))
        #expect(read.samples == [1, 2])
        #expect(read.cpu == 1.5)
        #expect(read.text == "a\n\"b\"")
        #expect(BenchReport(line: "no JSON") == nil)
    }
}
