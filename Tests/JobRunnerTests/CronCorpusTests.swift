import Foundation
import Testing

@testable import JobRunner

/// Ten years of ticks in zones whose clocks jumped, against an implementation that shares no code
/// with this one: `Tests/Faults/schedule/oracle.py`, which made the corpus.
@Suite(.timeLimit(.minutes(5))) struct CronCorpusTests {
    struct Line: Sendable, CustomTestStringConvertible {
        let zone: String
        let cron: String
        let first: Int
        /// `count:digest`, a year each.
        let years: [String]

        var testDescription: String { "\(cron) in \(zone)" }
    }

    static let lines: [Line] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Faults/schedule/corpus.txt")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "|").map(String.init)
            guard parts.count == 5, let first = Int(parts[1]) else { return nil }
            return Line(
                zone: parts[0], cron: parts[3], first: first,
                years: parts[4].split(separator: " ").map(String.init))
        }
    }()

    @Test func `the corpus is there`() {
        #expect(Self.lines.count > 300)
        #expect(Set(Self.lines.map(\.zone)).count == 12)
        #expect(Self.lines.allSatisfy { $0.years.count == 10 })
    }

    @Test(arguments: lines) func `every tick of ten years is the same`(line: Line) throws {
        let zone = try TimeZoneFile.rules(of: line.zone)
        let cron = try Cron(line.cron)
        var time = CivilDay(year: line.first, month: 1, day: 1).number * 86_400 - 1
        var years: [String] = []
        for year in line.first..<line.first + 10 {
            let end = CivilDay(year: year + 1, month: 1, day: 1).number * 86_400
            var count = 0
            var digest: UInt32 = 0x811C_9DC5
            while let next = cron.next(after: time, in: zone), next < end {
                count += 1
                for shift in stride(from: 0, to: 32, by: 8) {
                    digest = (digest ^ UInt32(next / 60) >> UInt32(shift) & 0xFF) &* 0x0100_0193
                }
                time = next
            }
            let hex = String(digest, radix: 16)
            years.append("\(count):" + String(repeating: "0", count: 8 - hex.count) + hex)
        }
        #expect(years == line.years)
    }
}
