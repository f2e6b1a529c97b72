import JobRunner
import JobRunnerCLI
import FoundationEssentials

struct Noop: Job {
    static let name = "bench.noop"
    var userID: Int
    var text: String
}

@main
struct Tool {
    static func main() async throws {
        let clock = ContinuousClock()
        let client = try await JobClient()
        let mode = CommandLine.arguments[1]
        if mode == "enq1" {
            let t = try await clock.measure {
                for i in 0..<50_000 { _ = try await client.enqueue(Noop(userID: i, text: "abcdefghijklmnopqrstuvwxyz0123456789")) }
            }
            print("enqueue one", 50_000 / (Double(t.components.attoseconds)/1e18 + Double(t.components.seconds)))
        }
        if mode == "enq64" {
            let t = await clock.measure {
                await withTaskGroup(of: Void.self) { g in
                    for _ in 0..<64 { g.addTask { for i in 0..<5_000 { _ = try? await client.enqueue(Noop(userID: i, text: "abcdefghijklmnopqrstuvwxyz0123456789")) } } }
                }
            }
            print("enqueue 64", 320_000 / (Double(t.components.attoseconds)/1e18 + Double(t.components.seconds)))
        }
        if mode == "bulk" {
            let n = Int(CommandLine.arguments[2])!
            let t = try await clock.measure {
                for s in stride(from: 0, to: n, by: 10_000) { _ = try await client.enqueue((0..<10_000).map { Noop(userID: s + $0, text: "abcdefghijklmnopqrstuvwxyz0123456789") }) }
            }
            print("bulk", Double(n) / (Double(t.components.attoseconds)/1e18 + Double(t.components.seconds)))
        }
        if mode == "work" {
            var b = WorkerBuilder()
            b.handle(Noop.self) { job, context in }
            var o = WorkerOptions()
            o.onEvent = { print($0) }
            let w = try Worker(b, options: o)
            try await w.run()
        }
    }
}
