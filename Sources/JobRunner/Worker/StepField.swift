internal import FoundationEssentials

/// How much a job may remember of its steps, and for how long.
struct StepBounds: Sendable {
    /// Steps and loops together.
    var names = 1000
    /// Of all names and values.
    var bytes = 1 << 20
    /// Since the last note.
    var keep: Duration = .seconds(7 * 86_400)
}

/// One step, or one loop, in the hash of its job.
struct StepField: Sendable, Hashable {
    /// What it is in the hash: a loop has a sign that no name has.
    let text: String
    /// What people call it.
    let label: String

    /// - Throws: `NameError`.
    static func step(_ name: String) throws(NameError) -> StepField {
        StepField(text: try NameError.check(name, as: .step), label: "step '\(name)'")
    }

    /// - Throws: `NameError`.
    static func loop(_ name: String) throws(NameError) -> StepField {
        StepField(text: "@" + (try NameError.check(name, as: .step)), label: "loop '\(name)'")
    }

    /// In a list: a bare text or number is no JSON document to older readers.
    func json(of value: some Encodable) throws(StepError) -> [UInt8] {
        do {
            return [UInt8](try JSONEncoder().encode([value]))
        } catch {
            throw .unencodable(label, reason: encodingReason(error))
        }
    }

    /// - Throws: `StepError.undecodable` when the code has another type for it now.
    func value<Value: Decodable>(_ type: Value.Type, of json: [UInt8]) throws(StepError) -> Value {
        do {
            guard let value = try JSONDecoder().decode([Value].self, from: Data(json)).first else {
                throw StepError.undecodable(label, reason: "it was kept without a value")
            }
            return value
        } catch {
            throw (error as? StepError)
                ?? .undecodable(label, reason: decodingReason(error))
        }
    }
}
