/// What one check found: how bad it is, what it means, and what mends it.
package struct Finding: Sendable, Equatable {
    /// From good to bad.
    package enum Verdict: String, Sendable, CaseIterable {
        case ok
        /// This user has no right to look.
        case skipped
        /// Works now; something that may happen would not.
        case warn
        /// Jobs do not run, or could be lost.
        case problem
    }

    /// Which check, as in `persistence`.
    package let check: String
    /// Nil for what is not of one queue.
    package let queue: String?
    package let verdict: Verdict
    /// One sentence; may hold foreign text.
    package let text: String
    /// A command, or what else to do.
    package let remedy: String?

    package init(
        _ verdict: Verdict, _ check: String, queue: String? = nil, _ text: String,
        remedy: String? = nil
    ) {
        self.check = check
        self.queue = queue
        self.verdict = verdict
        self.text = text
        self.remedy = remedy
    }
}

extension Finding {
    /// `1 job`, `1,200 jobs`.
    static func jobs(_ count: Int) -> String { "\(grouped(count)) job\(count == 1 ? "" : "s")" }
}
