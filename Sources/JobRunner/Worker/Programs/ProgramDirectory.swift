import CSpawn

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// A directory of programs: `jobrunner work --handlers DIR`.
///
/// A job runs the executable file with exactly its name; an extension is part
/// of the name. A program is persistent when a line in its first 512 bytes
/// reads `jobrunner: persistent` in any style of comment, or when a file
/// `<name>.persistent` that is not executable lies beside it (for binaries).
package struct ProgramDirectory {
    /// Reads the directory once; call it off the cooperative pool or at start.
    ///
    /// Hidden files and subdirectories are ignored. Symbolic links are followed.
    ///
    /// - Returns: The programs by name, and a sentence for each file that cannot
    ///   run a job.
    /// - Throws: `ProgramError.directory` when it cannot be listed.
    package static func scan(
        _ path: String
    ) throws(ProgramError) -> (programs: [Program], warnings: [String]) {
        let names = try list(path)
        var programs: [Program] = []
        var warnings: [String] = []
        for name in names where !name.hasPrefix(".") {
            let file = path.hasSuffix("/") ? path + name : path + "/" + name
            var status = stat()
            guard stat(file, &status) == 0 else {
                warnings.append("\(file): ignored: the link leads nowhere")
                continue
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: continue
            case S_IFREG: break
            default:
                warnings.append("\(file): ignored: not a file")
                continue
            }
            guard access(file, X_OK) == 0 else {
                if !isSidecar(name, of: names) {
                    warnings.append("\(file): ignored: not executable (chmod +x)")
                }
                continue
            }
            guard Program.isName(name) else {
                warnings.append(
                    "\(file): ignored: a job's name is 1 to 64 of A-Z a-z 0-9 . _ -")
                continue
            }
            if status.st_mode & S_IWOTH != 0 {
                warnings.append("\(file): anyone may change it (chmod o-w)")
            }
            let isPersistent =
                hasSidecar(file) || Program.declaresPersistence(head(of: file))
            programs.append(Program(name: name, path: file, isPersistent: isPersistent))
        }
        return (programs, warnings)
    }

    private static func list(_ path: String) throws(ProgramError) -> [String] {
        guard let directory = opendir(path) else {
            throw .directory(path: path, errno: errno)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names.sorted()
    }

    private static func isSidecar(_ name: String, of names: [String]) -> Bool {
        name.hasSuffix(".persistent") && names.contains(String(name.dropLast(".persistent".count)))
    }

    private static func hasSidecar(_ file: String) -> Bool {
        let sidecar = file + ".persistent"
        return access(sidecar, F_OK) == 0 && access(sidecar, X_OK) != 0
    }

    /// The first bytes; none when the file is executable but not readable.
    private static func head(of file: String) -> [UInt8] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return Array(unsafeUninitializedCapacity: Program.declarationWindow) { buffer, count in
            count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
    }
}
