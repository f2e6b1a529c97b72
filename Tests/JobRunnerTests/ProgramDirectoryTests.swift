import FoundationEssentials
import Testing

@testable import JobRunner

@Suite("ProgramDirectory")
struct ProgramDirectoryTests {
    /// A directory of empty or given files; the mode says what is executable.
    private func directory(_ files: [(name: String, mode: Int, text: String)]) throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/jobrunner-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for file in files {
            let name = path + "/" + file.name
            try Data(file.text.utf8).write(to: URL(filePath: name))
            try FileManager.default.setAttributes(
                [.posixPermissions: file.mode], ofItemAtPath: name)
        }
        return path
    }

    @Test func `takes executable files by their exact names`() throws {
        let path = try directory([
            ("report.py", 0o755, "#!/usr/bin/python3"), ("email.welcome", 0o755, "#!/bin/sh"),
            (".hidden", 0o755, ""),
        ])
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FileManager.default.createDirectory(
            atPath: path + "/lib", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: path + "/true", withDestinationPath: "/bin/true")
        let (programs, warnings) = try ProgramDirectory.scan(path)
        #expect(programs.map(\.name) == ["email.welcome", "report.py", "true"])
        #expect(programs.map(\.path) == programs.map { path + "/" + $0.name })
        #expect(programs.allSatisfy { !$0.isPersistent })
        #expect(warnings == [])
    }

    @Test func `warns of what cannot run a job`() throws {
        let path = try directory([
            ("README.md", 0o644, ""), ("two words", 0o755, ""), ("open", 0o757, ""),
        ])
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FileManager.default.createSymbolicLink(
            atPath: path + "/dangling", withDestinationPath: "/no/such/file")
        let (programs, warnings) = try ProgramDirectory.scan(path + "/")
        #expect(programs.map(\.name) == ["open"])
        #expect(
            warnings == [
                "\(path)/README.md: ignored: not executable (chmod +x)",
                "\(path)/dangling: ignored: the link leads nowhere",
                "\(path)/open: anyone may change it (chmod o-w)",
                "\(path)/two words: ignored: a job's name is 1 to 64 of A-Z a-z 0-9 . _ -",
            ])
    }

    @Test func `finds declarations of persistence`() throws {
        let declared = "jobrunner: persistent"
        let path = try directory([
            ("binary", 0o755, "\u{7f}ELF"), ("binary.persistent", 0o644, ""),
            ("js", 0o755, "#!/usr/bin/env node\n// \(declared)\n"),
            ("late", 0o755, String(repeating: "#\n", count: 300) + "# \(declared)\n"),
            ("lua", 0o755, "#!/usr/bin/lua\n-- \(declared)\r\n"),
            ("mention", 0o755, "#!/bin/sh\n# is not \(declared)\n# \(declared) is not meant\n"),
            ("sh", 0o755, "#!/bin/sh\n# \(declared)"), ("xml", 0o755, "<!-- \(declared) -->\n"),
        ])
        defer { try? FileManager.default.removeItem(atPath: path) }
        let (programs, warnings) = try ProgramDirectory.scan(path)
        #expect(
            programs.filter(\.isPersistent).map(\.name) == ["binary", "js", "lua", "sh", "xml"])
        #expect(programs.count == 7)
        #expect(warnings == [])
    }

    @Test func `says which directory cannot be read and why`() {
        let error = #expect(throws: ProgramError.self) {
            try ProgramDirectory.scan("/no/such/directory")
        }
        #expect(error?.description == "/no/such/directory: No such file or directory")
    }

    @Test(arguments: [
        ("a", true), ("email.welcome", true), ("A_b-9.sh", true), ("", false), (".a", false),
        ("a/b", false), ("a b", false), ("é", false),
        (String(repeating: "x", count: 64), true), (String(repeating: "x", count: 65), false),
    ])
    func `knows a job's name`(name: String, isName: Bool) {
        #expect(Program.isName(name) == isName)
    }
}
