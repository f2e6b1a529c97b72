import Testing

@testable import JobRunnerCLI

@Suite("Random command lines")
struct ParserFuzzTests {
    /// SplitMix64, so that a seed names a run on every machine.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    private static let words = [
        "work", "jobs", "j", "list", "ls", "wait", "scale", "sign", "enqueue", "help", "wrok",
        "--", "-", "---", "--=", "--=x", "-=", "-c", "-c5", "-c=", "-bq", "-bqc", "-bx", "-5",
        "-.5", "-5m", "--concurrency", "--concurrency=", "--concurrency=7", "--concurency",
        "--burst", "--no-burst", "--burst=1", "--no-", "--no-quiet", "-l", "a=b", "--label=x",
        "--token", "--token=t", "--env-file", "--env-file=x", "-o", "json", "-ojson", "-p", "-vv",
        "--help", "-h", "--version", "", " ", "0", "10", "٣", "é", "-é", "--é=é", "\u{1B}[2J",
        "-\u{202E}", "👩‍👩‍👧", "-👩‍👩‍👧", "e\u{301}", "\u{301}", "-\u{301}", "--\u{301}", "=\u{301}",
        "--concurrency=\u{301}", "a\0b",
    ]
    private static let starts = [["work"], ["jobs", "wait"], ["enqueue", "mail"], ["j", "ls"]]
    private static let texts = [
        "", "1", "0", "x", "json", "3s", "1MiB", "redis://h", "\u{1B}", ",",
    ]

    private static func argument(_ random: inout Seeded) -> String {
        if Int.random(in: 0..<8, using: &random) > 0 {
            return words.randomElement(using: &random) ?? ""
        }
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            let value = UInt32.random(in: 0...0x2FF, using: &random)
            scalars.append(Unicode.Scalar(Bool.random(using: &random) ? 0x2D : value) ?? " ")
        }
        return String(scalars)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `any line gives help, an invocation or a usage or configuration error`(seed: UInt64) {
        var random = Seeded(state: seed)
        let variables = OptionTable(Sample.root).rows.flatMap(\.option.env)
        var counts: [String: Int] = [:]
        for round in 0..<5000 {
            // Half of the lines name a command, so that they get past the first word.
            var arguments = round % 2 == 0 ? [] : Self.starts.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                arguments.append(Self.argument(&random))
            }
            var environment: [String: String] = [:]
            if round % 4 == 0, let variable = variables.randomElement(using: &random) {
                environment[variable] = Self.texts.randomElement(using: &random)
            }
            switch Sample.parse(arguments, environment: environment) {
            case .help(let help), .incomplete(let help):
                counts["help", default: 0] += 1
                #expect(help.path.first?.name == "jobrunner")
            case .version: counts["version", default: 0] += 1
            case .invocation(let invocation, let command):
                counts["invocation", default: 0] += 1
                // A value that was let through is one the option would read.
                #expect(command.run != nil)
                #expect(["table", "json"].contains(invocation[Sample.output]))
                if command.name == "work" {
                    #expect((1...1024).contains(invocation[Sample.concurrency]))
                }
            case .failure(let failure):
                counts["failure", default: 0] += 1
                #expect([.usage, .configuration].contains(failure.exit), "\(seed) \(arguments)")
                let text = failure.rendered(executable: "jobrunner")
                #expect(
                    text.unicodeScalars.allSatisfy { $0 == "\n" || Printable.isSafe($0) },
                    "\(seed) \(arguments)")
                #expect(text.split(separator: "\n").count <= 2)
            }
        }
        // All of them happen, so the rounds are not all stopped at the door.
        for kind in ["help", "version", "invocation", "failure"] {
            #expect(counts[kind, default: 0] > 20, "\(counts)")
        }
    }
}
