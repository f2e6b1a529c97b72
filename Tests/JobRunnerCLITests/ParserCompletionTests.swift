import Testing

@testable import JobRunnerCLI

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite("Completion scripts")
struct ParserCompletionTests {
    /// Runs `shell options FILE` on a file of `script`.
    private static func run(
        _ shell: String, _ script: String
    ) throws -> (status: Int32, output: [String]) {
        var name = Array("/tmp/jobrunner-completion-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        try #require(descriptor >= 0)
        SystemFile.write(script, to: descriptor)
        close(descriptor)
        let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        let pipe = try #require(popen("\(shell) \(path) 2>&1", "r"))
        var lines: [String] = []
        var buffer = [CChar](repeating: 0, count: 65_536)
        while fgets(&buffer, Int32(buffer.count), pipe) != nil {
            let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            lines.append(String(decoding: bytes.dropLast(), as: UTF8.self))
        }
        return (pclose(pipe), lines)
    }

    private static func isInstalled(_ shell: String) -> Bool {
        system("command -v \(shell) >/dev/null 2>&1") == 0
    }

    private static let globals = "--redis-url -u --output -o --verbose -v --env-file --help -h"

    @Test func `bash finds no fault in its script`() throws {
        let script = BashCompletion.script(Sample.root, executable: "my-app")
        let result = try Self.run("bash -n", script)
        #expect(result.output == [])
        #expect(result.status == 0)
        #expect(script.hasSuffix("complete -F _my_app 'my-app'\n"))
    }

    @Test(.enabled(if: isInstalled("zsh"))) func `zsh finds no fault in its script`() throws {
        let result = try Self.run("zsh -n", ZshCompletion.script(Sample.root, executable: "my-app"))
        #expect(result.output == [])
        #expect(result.status == 0)
    }

    @Test(.enabled(if: isInstalled("fish"))) func `fish completes words and values`() throws {
        let script =
            FishCompletion.script(Sample.root, executable: "jobrunner")
                + """
                complete -C 'jobrunner jobs '
                echo ==
                complete -C 'jobrunner work -o '
                echo ==
                complete -C 'jobrunner -o json work --conc'
                """
        let result = try Self.run("fish --no-config", script)
        let words = result.output.map { $0.prefix { $0 != "\t" } }
        #expect(
            words == [
                "list", "scale", "sign", "wait", "==", "json", "table", "==", "--concurrency",
            ])
    }

    @Test(arguments: [
        ("''", "work enqueue jobs help"), ("j", "jobs"), ("jobs ''", "list wait scale sign help"),
        ("j l", "list"), ("-o json jobs w", "wait"), ("-o jobs ''", "work enqueue jobs help"),
        ("work --bu", "--burst"), ("work --no", "--no-burst"), ("work -o ''", "table json"),
        ("work --output = j", "json"), ("work --output =", "table json"),
        ("work -c ''", ""), ("jobs list --conc", ""), ("help j", "jobs"), ("help jobs w", "wait"),
        ("jobs wait -- -", ""), ("work '$(touch /tmp/jobrunner-pwned)'", ""),
        ("jobs list -", "\(globals) --version"),
    ])
    func `bash completes words, options and values`(line: String, expected: String) throws {
        let script =
            BashCompletion.script(Sample.root, executable: "jobrunner")
                + """
                COMP_WORDS=(jobrunner \(line)); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                _jobrunner
                echo "${COMPREPLY[*]}"
                """
        let result = try Self.run("bash --norc", script)
        #expect(result.output == [expected])
        #expect(access("/tmp/jobrunner-pwned", F_OK) != 0)
    }

    @Test func `a choice that a shell could run is left out`() {
        let bad = Option(
            "bad", env: nil, default: nil, placeholder: "T", help: "it's $(id) `id`",
            read: .choice(["$(id)", "fine", "a b", "`id`", "'"]))
        let root = CommandSpec(name: "x", abstract: "it's", options: [bad]) { _ in .success }
        let bash = BashCompletion.script(root, executable: "x")
        #expect(bash.contains("words='fine' ;;"))
        #expect(!bash.contains("id)"))
        #expect(
            ZshCompletion.script(root, executable: "x").contains(#"'--bad:it'\''s $(id) `id`'"#))
        #expect(
            FishCompletion.script(root, executable: "x").contains(#"-d 'it\'s $(id) `id`'"#))
    }
}
