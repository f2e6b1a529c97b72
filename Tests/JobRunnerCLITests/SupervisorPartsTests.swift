import Foundation
import Testing

@testable import JobRunnerCLI

/// The small parts of the supervisor.
@Suite("supervisor, parts")
struct SupervisorPartsTests {
    @Test(arguments: [ChildReport.worker("host-1-abc"), .joined, .worn, .leaving])
    func `a report is read as it was written`(report: ChildReport) {
        #expect(ChildReport(line: report.line) == report)
    }

    @Test(arguments: ["", "worker", "worker ", "joined ", "Joined", "of a later version"])
    func `what is no report is none`(line: String) {
        #expect(ChildReport(line: line) == nil)
    }

    @Test func `a path is found as the shell found it, its links kept`() throws {
        let directory = NSTemporaryDirectory() + "path-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(
            atPath: directory + "/bin", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: directory + "/bin/tool", withDestinationPath: "/bin/sh")
        let resolve = { (word: String, search: String?) in
            ExecutablePath.resolve(word, search: search, directory: directory)
        }
        #expect(resolve("/opt/tool", "/usr/bin") == "/opt/tool")
        #expect(resolve("./bin/tool", nil) == directory + "/./bin/tool")
        #expect(resolve("tool", "/nowhere:\(directory)/bin:/usr/bin") == directory + "/bin/tool")
        #expect(resolve("tool", "/nowhere:bin") == directory + "/bin/tool")
        #expect(resolve("sh", nil).hasSuffix("/bin/sh"))
        #expect(resolve("no-such-tool", "/nowhere") == directory + "/no-such-tool")
    }
}
