/// What every Lua script keeps to; its header is its contract, so the header has to be true.
enum ScriptRules {
    /// All rules at once.
    static func findings(in file: SourceFile) -> [Finding] {
        head(of: file) + arguments(of: file) + errors(in: file) + keys(in: file)
    }

    /// `#!lua`, the file's own name, `Returns` and `Cost`; a part of scripts has no first line.
    static func head(of file: SourceFile) -> [Finding] {
        let script = LuaScript(file)
        let name = file.path.split(separator: "/").last?.prefix { $0 != "." } ?? ""
        var findings: [Finding] = []
        if !script.isPart, file.lines[0] != "#!lua", !file.lines[0].hasPrefix("#!lua flags=") {
            findings.append(file.finding(at: 0, "the first line is #!lua"))
        }
        if script.header.first?.hasPrefix("-- \(name): ") != true {
            findings.append(file.finding(at: 1, "the header starts with \"\(name): \""))
        }
        for word in ["Returns", "Cost"]
        where !script.header.contains(where: { $0.hasPrefix("-- \(word) ") }) {
            findings.append(file.finding(at: script.header.count, "the header has no \(word) line"))
        }
        return findings
    }

    /// Every `KEYS[i]` and `ARGV[i]` is declared and used, with no number left out.
    static func arguments(of file: SourceFile) -> [Finding] {
        let script = LuaScript(file)
        return ["KEYS", "ARGV"].flatMap { table in
            let declared = script.declared(table)
            let used = script.used(table)
            let openFrom = declared.open?.from ?? .max
            var findings: [Finding] = []
            for (number, line) in used.single.sorted(by: { $0.key < $1.key })
            where declared.single[number] == nil && number < openFrom {
                findings.append(file.finding(at: line, "\(table)[\(number)] is not in the header"))
            }
            for (number, line) in declared.single.sorted(by: { $0.key < $1.key }) {
                if used.single[number] == nil {
                    findings.append(file.finding(at: line, "\(table)[\(number)] is never used"))
                }
                if number > 1, declared.single[number - 1] == nil {
                    findings.append(
                        file.finding(at: line, "\(table)[\(number - 1)] is not in the header"))
                }
            }
            if let open = declared.open {
                if used.computed.isEmpty, !used.single.keys.contains(where: { $0 >= open.from }) {
                    findings.append(
                        file.finding(at: open.line, "\(table)[\(open.from)..] is never used"))
                }
                if open.from > 1, declared.single[open.from - 1] == nil {
                    findings.append(
                        file.finding(
                            at: open.line, "\(table)[\(open.from - 1)] is not in the header"))
                }
            } else {
                findings += used.computed.map {
                    file.finding(at: $0, "a computed \(table)[] needs \(table)[n..] in the header")
                }
            }
            return findings
        }
    }

    /// An error reply that carries data: it would end in logs, and names without end.
    static func errors(in file: SourceFile) -> [Finding] {
        LuaScript(file).code.enumerated().flatMap { index, line in
            line.ranges(of: "redis.error_reply(").compactMap { range in
                let argument = LuaScript.parts(String(line[range.upperBound...]))
                let isLiteral = argument.count == 1 && isOneString(argument[0])
                return isLiteral
                    ? nil : file.finding(at: index, "an error reply is one string, without data")
            }
        }
    }

    /// A key that does not come from `KEYS`, nor begins with one of these: it shares the slot and
    /// the name's pattern with what a cluster and an ACL see.
    static func keys(in file: SourceFile) -> [Finding] {
        let script = LuaScript(file)
        let names = script.code.reduce(into: script.keyParameters) { names, line in
            // Whether it is declared there or before.
            let code = line.drop(while: \.isWhitespace)
            let (targets, values) = LuaScript.assignment(
                code.hasPrefix("local ") ? line : "local " + code)
            if values.count == 1, values[0].hasPrefix("unpack(KEYS") {
                names.formUnion(targets)
            } else {
                let known = names
                names.formUnion(
                    zip(targets, values).filter { isKey($1) || isUnder(known, $1) }.map(\.0))
            }
            if let list = LuaScript.keyLoop(line), names.isSuperset(of: list) {
                names.insert("key")
            }
        }
        return script.code.enumerated().flatMap { index, line in
            ["redis.call(", "redis.pcall("].flatMap { line.ranges(of: $0) }.compactMap { range in
                let arguments = LuaScript.parts(String(line[range.upperBound...]))
                // What follows it is a channel, which is no key.
                if arguments[0] == "'PUBLISH'" { return nil }
                let twoKeys = arguments[0] == "'LMOVE'" || arguments[0] == "'EXISTS'"
                let wrong = arguments.dropFirst().prefix(twoKeys ? 2 : 1).first {
                    !names.contains($0) && !isKey($0) && !isUnder(names, $0)
                }
                return wrong.map { file.finding(at: index, "key \($0) does not come from KEYS") }
            }
        }
    }

    /// A known key with more behind it.
    private static func isUnder(_ names: Set<String>, _ value: String) -> Bool {
        guard let end = value.firstRange(of: " .. ") else { return false }
        let first = String(value[..<end.lowerBound])
        return names.contains(first) || isKey(first)
    }

    private static func isKey(_ value: String) -> Bool {
        (value.hasPrefix("KEYS[") && value.hasSuffix("]") && !value.contains(".."))
            || value.hasPrefix("unpack(KEYS")
    }

    private static func isOneString(_ value: String) -> Bool {
        guard let quote = value.first, quote == "'" || quote == "\"" else { return false }
        return value.last == quote && value.count { $0 == quote } == 2
    }
}
