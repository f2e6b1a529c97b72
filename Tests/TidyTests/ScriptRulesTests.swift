import Testing

@Suite("Lua scripts")
struct ScriptRulesTests {
    @Test func `the repository's keep to the rules`() throws {
        #expect(try Repository.scripts.count >= 8)
        expectNone(try Repository.scripts.flatMap(ScriptRules.findings))
    }

    @Test func `each part is in the scripts that its header names, and in no others`() throws {
        var users: [String: Set<String>] = [:]
        var named: [String: Set<String>] = [:]
        for script in try Repository.scripts {
            let name = String(script.path.split(separator: "/").last?.dropLast(4) ?? "")
            for line in script.lines where line.hasPrefix("-- include ") {
                users[String(line.dropFirst("-- include ".count)), default: []].insert(name)
            }
            guard let list = script.lines[0].firstRange(of: "; a part of ") else { continue }
            let words = script.lines[0][list.upperBound...].split(separator: "`")
            named[name] = Set(
                words.enumerated().filter { $0.offset % 2 == 0 }.map { "\($0.element)" })
        }
        #expect(users == named)
        #expect(users.count >= 4)
    }

    /// A script that keeps to every rule.
    private static let good = """
        #!lua flags=allow-oom
        -- take: an example (with KEYS[9] in its prose).
        --
        -- KEYS[1] one     LIST
        -- KEYS[2] two     LIST
        -- KEYS[3..] more  STRING
        -- ARGV[1] how many
        -- ARGV[2..] values
        --
        -- Returns 1
        -- Cost    O(1)
        local one, two = unpack(KEYS, 1, 2)
        local many, at, key = tonumber(ARGV[1]), 2, 3
        for _ = 1, many do     -- ARGV[77] in a comment
          redis.call('SET', KEYS[key], ARGV[at + 1])
        end
        redis.call('LMOVE', one, two, 'LEFT', 'RIGHT')
        if not redis.call('TIME') then return redis.error_reply('ERR take: no time, sorry') end
        return 1
        """

    @Test func `a good script is fine`() {
        #expect(ScriptRules.findings(in: SourceFile("Sources/S/take.lua", Self.good)) == [])
    }

    /// The findings after one change to the good script.
    private func findings(
        _ old: String, _ new: String, in path: String = "Sources/S/take.lua"
    ) throws -> [String] {
        try #require(Self.good.contains(old))
        let text = Self.good.replacing(old, with: new, maxReplacements: 1)
        return ScriptRules.findings(in: SourceFile(path, text)).map(\.description)
    }

    @Test(arguments: [
        ("#!lua flags=allow-oom", "-- lua", 1, "the first line is #!lua"),
        ("-- take:", "-- took:", 2, "the header starts with \"take: \""),
        ("-- Returns 1", "-- Gives 1", 11, "the header has no Returns line"),
        ("-- Cost    O(1)", "-- Costs", 11, "the header has no Cost line"),
        ("-- KEYS[2] two     LIST", "--", 12, "KEYS[2] is not in the header"),
        ("-- ARGV[1] how many", "--", 13, "ARGV[1] is not in the header"),
        ("unpack(KEYS, 1, 2)", "KEYS[1], KEYS[1]", 5, "KEYS[2] is never used"),
        ("tonumber(ARGV[1])", "7", 7, "ARGV[1] is never used"),
        ("-- ARGV[2..] values", "--", 15, "a computed ARGV[] needs ARGV[n..] in the header"),
        ("ARGV[at + 1]", "1", 8, "ARGV[2..] is never used"),
        (
            "'ERR take: no time, sorry'", "'ERR ' .. ARGV[1]", 18,
            "an error reply is one string, without data"
        ),
        ("KEYS[key]", "'p:' .. ARGV[1]", 15, "key 'p:' .. ARGV[1] does not come from KEYS"),
        ("KEYS[key]", "ARGV[1]", 15, "key ARGV[1] does not come from KEYS"),
        ("one, two, 'LEFT'", "one, three, 'LEFT'", 17, "key three does not come from KEYS"),
    ])
    func `an offence is found`(old: String, new: String, line: Int, message: String) throws {
        let findings = try findings(old, new)
        #expect(findings.contains("Sources/S/take.lua:\(line): \(message)"), "\(findings)")
    }

    @Test func `a file of another name is found`() throws {
        let findings = try findings("LIST", "LIST", in: "Sources/S/give.lua")
        #expect(findings == ["Sources/S/give.lua:2: the header starts with \"give: \""])
    }

    @Test func `unpack without bounds uses as many as it has names`() {
        let text = "#!lua\n-- a: b\n-- KEYS[1] x\n-- KEYS[2] y\n-- Returns 1\n-- Cost 1\n"
        func findings(_ line: String) -> [String] {
            ScriptRules.findings(in: SourceFile("a.lua", text + line)).map(\.description)
        }
        #expect(findings("local x, y = unpack(KEYS)") == [])
        #expect(findings("local x = unpack(KEYS)") == ["a.lua:4: KEYS[2] is never used"])
        #expect(
            findings("local x, y, z = unpack(KEYS)") == ["a.lua:7: KEYS[3] is not in the header"])
    }
}
