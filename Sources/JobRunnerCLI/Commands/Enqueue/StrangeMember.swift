internal import JobRunner

/// A member of a job that means nothing here: written by mistake, more often than not.
struct StrangeMember: Sendable, Equatable {
    let key: String
    /// The first line that has it.
    let line: Int

    /// Names that are the producer's own begin so: nobody is told of them.
    static let ownPrefix = "x-"
    /// Names that are told of, one by one; a file with more has made-up ones.
    static let mostTold = 20

    /// What other systems, and the options of this command, call a member.
    private static let otherNames = [
        "tenant": "fair", "group": "fair", "fairby": "fair", "owner": "fair",
        "name": "job", "kind": "job", "type": "job", "task": "job", "class": "job",
        "arguments": "args", "params": "args", "payload": "args", "data": "args", "body": "args",
        "kwargs": "args", "input": "args", "queuename": "queue", "jobid": "id", "key": "unique",
        "uniquekey": "unique", "version": "v", "retries": "maxAttempts", "attempts": "maxAttempts",
        "retry": "maxAttempts", "maxretries": "maxAttempts", "timeout": "timeLimit",
        "ttl": "resultTTL", "keepresult": "resultTTL", "expiresat": "expires", "expiry": "expires",
        "enqueuedat": "enqueued", "createdat": "enqueued", "prio": "priority",
        "dropexpired": "expired",
    ]
    /// What would say when a job starts: a line cannot.
    private static let times: Set = [
        "in", "at", "delay", "runat", "eta", "due", "scheduled", "scheduledat", "schedule",
        "startat", "countdown",
    ]

    /// One sentence, safe to show.
    var text: String {
        "'\(escaped(key, limit: 80))' is not a member of a job here\(advice): it is kept and "
            + "has no effect"
    }

    private var advice: String {
        let word = String(key.lowercased().filter { $0 != "_" && $0 != "-" })
        if Self.times.contains(word) { return ", give --in or --at for all lines" }
        let known = Envelope.memberKeys.filter { $0 != "state" }
        let member =
            Self.otherNames[word] ?? known.first { $0.lowercased() == word }
            ?? Suggestion.nearest(to: key, among: known)
        return member.map { ", did you mean '\($0)'?" } ?? ""
    }
}
