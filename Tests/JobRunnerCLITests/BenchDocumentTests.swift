import Foundation
import JobRunner
import Testing

@testable import JobRunnerCLI

@Suite("What the bench prints")
struct BenchDocumentTests {
    private func settings(_ arguments: [String] = []) throws -> BenchSettings {
        let root = CommandSpec(name: "x", abstract: "a", subcommands: [BenchCommand.spec])
        let runner = CommandRunner(root: root, executable: "x", version: "1")
        let result = runner.parse(arguments: ["bench"] + arguments, environment: [:])
        guard case .invocation(let invocation, _) = result else {
            throw CommandFailure("\(result)")
        }
        return BenchSettings(invocation)
    }

    private func document(_ figures: BenchFigures, _ arguments: [String] = []) throws
        -> BenchDocument
    {
        BenchDocument(
            settings: try settings(arguments), figures: figures, redisVersion: "7.0.15", load: 0.5)
    }

    /// What DESIGN.md, section 9, promises to programs.
    private static let promised = [
        "v", "at", "machine", "yardstick", "settings", "enqueue_one_per_s", "enqueue_64_per_s",
        "enqueue_bulk_per_s", "drain_per_s", "drain_no_result_per_s", "latency_us",
        "redis_us_per_job", "worker_us_per_job", "rss_idle_mib", "rss_after_mib",
        "idle_round_trips_per_s", "idle_cpu_percent", "redis_version",
    ]

    @Test func `every key is there when nothing was measured`() throws {
        guard case .object(let object) = try document(BenchFigures()).value else {
            Issue.record("no object")
            return
        }
        for key in Self.promised { #expect(object[key] != nil, "\(key)") }
        #expect(object["drain_per_s"] == .null)
        #expect(object["spread"] == .object([:]))
        guard case .object(let latency) = object["latency_us"] else {
            Issue.record("no latencies")
            return
        }
        #expect(Set(latency.keys) == ["p50", "p99", "p999", "max", "n"])
        #expect(object["v"] == .integer(1))
    }

    @Test func `every key is documented`() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/JobRunner/JobRunner.docc/Bench.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        guard case .object(let object) = try document(BenchFigures()).value else { return }
        for (key, value) in object {
            #expect(text.contains("`\(key)`"), "\(key)")
            // Those of `ratios` and `spread` are named by the figures.
            let isNamed = key != "ratios" && key != "spread"
            guard case .object(let inner) = value, isNamed else { continue }
            for key in inner.keys { #expect(text.contains("`\(key)`"), "\(key)") }
        }
    }

    @Test func `figures have their ratio and their spread`() throws {
        var figures = BenchFigures()
        figures.add(.drain, 100_000)
        figures.add(.drain, 300_000)
        figures.add(.pushes, 400_000)
        let document = try document(figures, ["--repeat", "2"])
        guard case .object(let object) = document.value,
            case .object(let ratios) = object["ratios"]
        else {
            Issue.record("no object")
            return
        }
        #expect(object["drain_per_s"] == .integer(200_000))
        #expect(ratios["drain_per_s"] == .number(0.5))
        #expect(
            object["spread"]
                == .object(["drain_per_s": .array([.integer(100_000), .integer(300_000)])]))
        let table = BenchTable(document: document).render()
        #expect(table.contains("200,000 jobs/s   x0.5  (100,000 to 300,000)\n"))
        #expect(!table.contains("Idle"))
    }

    @Test func `every figure is in the table`() throws {
        var figures = BenchFigures()
        for (index, figure) in BenchFigure.allCases.enumerated() {
            figures.add(figure, Double(700 + index))
        }
        let table = BenchTable(document: try document(figures)).render()
        for (index, figure) in BenchFigure.allCases.enumerated()
        where ![.latencyCount, .callCount, .latenessCount].contains(figure) {
            #expect(table.contains(" \(700 + index) "), "\(figure)")
        }
    }

    @Test func `parts are chosen`() throws {
        #expect(try settings().parts == [.yardstick, .enqueue, .drain, .latency, .call, .idle])
        #expect(try settings(["--scaling"]).parts.count == 7)
        #expect(try settings(["--only", "drain,idle"]).parts == [.drain, .idle])
        #expect(throws: CommandFailure.self) { try settings(["--only", "drain,"]) }
        #expect(try settings(["--jobs", "2000"]).ready == 2000)
    }

    @Test func `the command is sound`() {
        let root = CommandSpec(name: "x", abstract: "a", subcommands: [BenchCommand.spec])
        #expect(root.problems() == [])
    }
}
