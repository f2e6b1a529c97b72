/// The lock that one schedule's jobs take, so that two of them do not run at once.
///
/// Taken by `fire.lua` with the job; released with the job's last ack, by what its envelope says.
struct OverlapLock: Sendable, Hashable {
    /// Of `unique:<key>`.
    let key: String
    /// It lapses after a day: for a job that was deleted by hand, or runs longer.
    let milliseconds = 86_400_000

    init(schedule: String) {
        key = "schedule." + schedule
    }

    /// What the envelope of the job that holds it says.
    var member: EnvelopeWriter.Extra {
        var json: [UInt8] = []
        json.append(literal: "{\"key\":")
        json.append(jsonString: key)
        json.append(literal: ",\"until\":\"done\",\"for\":")
        json.append(decimal: Int64(milliseconds))
        json.append(UInt8(ascii: "}"))
        return EnvelopeWriter.Extra("unique", json: json)
    }
}
