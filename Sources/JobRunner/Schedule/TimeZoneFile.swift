internal import FoundationEssentials
internal import Synchronization

/// The zoneinfo files of this machine.
///
/// - Source: RFC 8536, "The Time Zone Information Format (TZif)".
enum TimeZoneFile {
    private static let directories = [
        "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo",
    ]
    /// A zone is read once a process: a new `tzdata` counts from the next start.
    private static let known = Mutex<[String: TimeZoneRules]>([:])

    /// The rules of a zone by its name.
    ///
    /// - Throws: `ScheduleError`: `time zone 'Mars/X' is unknown`, also where no zones are
    ///   installed.
    static func rules(of name: String) throws(ScheduleError) -> TimeZoneRules {
        if let rules = known.withLock({ $0[name] }) { return rules }
        let rules = try read(name)
        known.withLock { $0[name] = rules }
        return rules
    }

    private static func read(_ name: String) throws(ScheduleError) -> TimeZoneRules {
        // `Etc/GMT+1`, `America/Port-au-Prince`; nothing that leads out of the directory.
        let isSafe =
            (1...64).contains(name.utf8.count) && !name.hasPrefix("/") && !name.contains("..")
            && name.utf8.allSatisfy { NameError.isNameByte($0) || $0 == 43 || $0 == 47 }
        if isSafe {
            let places =
                (ProcessInfo.processInfo.environment["TZDIR"].map { [$0] } ?? []) + directories
            for place in places {
                guard let data = try? Data(contentsOf: URL(filePath: "\(place)/\(name)")) else {
                    continue
                }
                if let rules = parse([UInt8](data), name: name) { return rules }
            }
            if name == "UTC" { return .utc }
        }
        let areInstalled = directories.contains {
            FileManager.default.fileExists(atPath: "\($0)/Europe/London")
        }
        throw ScheduleError(
            "time zone '\(printable(name))' is unknown"
                + (areInstalled ? "" : ": this machine has no zoneinfo files; install tzdata"))
    }

    /// Reads the bytes of a file; nil for what is none of version 2 or later.
    static func parse(_ bytes: [UInt8], name: String) -> TimeZoneRules? {
        guard let first = Header(bytes, at: 0), first.version >= UInt8(ascii: "2"),
            // The first block has 32-bit times and is there for the last century's programs.
            let header = Header(bytes, at: 44 + first.size(ofTime: 4)),
            bytes.count >= header.end
        else { return nil }
        let indices = header.start + header.times * 8
        let types = indices + header.times
        guard header.types > 0, types + header.types * 6 <= bytes.count else { return nil }
        func offset(_ type: Int) -> Int {
            type < header.types ? integer(bytes, types + type * 6, 4) : 0
        }
        let changes = (0..<header.times).map { index in
            TimeZoneRules.Change(
                at: integer(bytes, header.start + index * 8, 8),
                offset: offset(Int(bytes[indices + index])))
        }
        // What RFC 8536 bounds, and in order: nothing later can overflow or go round in circles.
        let isSound =
            changes.allSatisfy { $0.at.magnitude < 1 << 60 && $0.offset.magnitude < 93_600 }
            && zip(changes, changes.dropFirst()).allSatisfy { $0.at < $1.at }
            && offset(0).magnitude < 93_600
        guard isSound else { return nil }
        // Between two line breaks.
        let footer = bytes[header.end...].dropFirst().prefix { $0 != UInt8(ascii: "\n") }
        let rule = footer.isEmpty ? nil : TimeZoneRule(footer)
        if !footer.isEmpty, rule == nil { return nil }
        return TimeZoneRules(name: name, first: offset(0), changes: changes, rule: rule)
    }

    private struct Header {
        let version: UInt8
        /// Where its data starts.
        let start: Int
        let times: Int
        let types: Int
        private let counts: [Int]

        init?(_ bytes: [UInt8], at: Int) {
            guard at + 44 <= bytes.count, bytes[at..<at + 4].elementsEqual("TZif".utf8) else {
                return nil
            }
            version = bytes[at + 4]
            // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
            counts = (0..<6).map { integer(bytes, at + 20 + $0 * 4, 4) }
            guard counts.allSatisfy({ (0...100_000).contains($0) }) else { return nil }
            start = at + 44
            times = counts[3]
            types = counts[4]
        }

        func size(ofTime size: Int) -> Int {
            times * (size + 1) + types * 6 + counts[5] + counts[2] * (size + 4) + counts[1]
                + counts[0]
        }

        /// Behind the data of a second block.
        var end: Int { start + size(ofTime: 8) }
    }

    /// A signed big-endian number.
    private static func integer(_ bytes: [UInt8], _ at: Int, _ size: Int) -> Int {
        let bits = bytes[at..<at + size].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return size == 4 ? Int(Int32(truncatingIfNeeded: bits)) : Int(Int64(bitPattern: bits))
    }
}
