#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The files that the rules read: this repository's, found from where this file is.
enum Repository {
    /// Every Swift file of `Sources` and `Tests`.
    static var swiftFiles: [SourceFile] { get throws { try swift.get() } }
    /// Every Lua script.
    static var scripts: [SourceFile] { get throws { try lua.get() } }
    /// Every page of the documentation, and the README.
    static var pages: [SourceFile] {
        get throws { try files(in: ["Sources"], ending: ".md") + [file("README.md")] }
    }
    /// The root manifest.
    static var manifest: SourceFile { get throws { try file("Package.swift") } }

    private static let swift = Result { try files(in: ["Sources", "Tests"], ending: ".swift") }
    private static let lua = Result { try files(in: ["Sources"], ending: ".lua") }

    private static let root = #filePath.split(separator: "/").dropLast(3)
        .map { "/" + $0 }.joined()

    private static func files(in folders: [String], ending: String) throws -> [SourceFile] {
        try folders.flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: "\(root)/\(folder)")
                .filter { $0.hasSuffix(ending) }
                .sorted()
                .map { try file("\(folder)/\($0)") }
        }
    }

    private static func file(_ path: String) throws -> SourceFile {
        SourceFile(path, try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8))
    }
}
