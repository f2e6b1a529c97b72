/// Which target may import which: the arrows of the package, read from the `import` lines.
///
///     CHiredis, COpenSSL <- RedisLink <- JobRunner <- JobRunnerCLI <- JobRunnerTool
///                                        JobRunner <- JobRunnerTesting
enum Arrows {
    static let mayImport: [String: Set<String>] = [
        "CHiredis": [],
        "COpenSSL": [],
        "CSystem": [],
        "CSpawn": [],
        "RedisLink": ["CHiredis", "COpenSSL", "CSystem"],
        "JobRunner": ["RedisLink", "CSpawn"],
        "JobRunnerCLI": ["JobRunner"],
        "JobRunnerTool": ["JobRunnerCLI"],
        "JobRunnerTesting": ["JobRunner"],
    ]

    /// Imports against an arrow; a target that the table does not know.
    static func findings(in file: SourceFile) -> [Finding] {
        let known = mayImport[file.target]
        if file.isSource, known == nil {
            return [file.finding(at: 0, "target \(file.target) is not in the table of arrows")]
        }
        // Tests may import every library, but reach C through RedisLink as everybody does.
        let allowed =
            known
            ?? Set(mayImport.keys).subtracting([
                "CHiredis", "COpenSSL", "CSystem", "CSpawn",
            ])
        return imports(of: file).compactMap { index, module in
            guard mayImport[module] != nil, !allowed.contains(module) else { return nil }
            return file.finding(at: index, "\(file.target) may not import \(module)")
        }
    }

    /// `Foundation` in a source: `FoundationEssentials` makes a static binary 50 MB smaller.
    ///
    /// Allowed after the `#else` of `#if canImport(FoundationEssentials)`, for systems without.
    static func foundation(in file: SourceFile) -> [Finding] {
        guard file.isSource else { return [] }
        return imports(of: file).compactMap { index, module in
            guard module == "Foundation" else { return nil }
            let before = file.code[..<index].map { trimmed($0.code) }.filter { !$0.isEmpty }
            let isFallback =
                before.last == "#else"
                && before.contains { $0 == "#if canImport(FoundationEssentials)" }
            return isFallback ? nil : file.finding(at: index, "import FoundationEssentials instead")
        }
    }

    /// A package dependency in the manifest of a package that has none.
    static func dependencies(in manifest: SourceFile) -> [Finding] {
        manifest.code.enumerated().filter { $1.code.contains(".package(") }
            .map { manifest.finding(at: $0.offset, "the package has no package dependencies") }
    }

    /// Line and module of each `import`, whatever stands before and behind the word.
    private static func imports(of file: SourceFile) -> [(index: Int, module: String)] {
        let kinds: Set = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        return file.code.enumerated().compactMap { index, line in
            let words = line.code.split { $0 == " " || $0 == ";" }
            guard let at = words.firstIndex(of: "import"),
                words[..<at].allSatisfy({ $0.hasPrefix("@") || $0.allSatisfy(\.isLetter) }),
                let name = words[(at + 1)...].first(where: { !kinds.contains(String($0)) })
            else { return nil }
            return (index, String(name.prefix { $0 != "." }))
        }
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
