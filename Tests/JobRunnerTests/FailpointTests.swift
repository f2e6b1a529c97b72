import Foundation
import Testing

@testable import JobRunner

#if DEBUG
    /// The places at which the fault tests make a process die.
    @Suite struct FailpointTests {
        /// What F2 of the fault suite does with each.
        private static let fault = #filePath.replacing(
            "JobRunnerTests/FailpointTests.swift", with: "Faults/system/failpoints.py")

        @Test func `a name and a number of passes`() throws {
            let first = try Failpoint.Armed("ackSent")
            #expect(first.point == .ackSent)
            #expect(first.passes == 1)
            let third = try Failpoint.Armed("fetchSent:3")
            #expect(third.point == .fetchSent)
            #expect(third.passes == 3)
        }

        @Test(arguments: ["", "ackSended", "acksent", ":3", "ack\u{1B}[2J", "3"])
        func `a name that the code does not know is refused`(text: String) {
            let error = #expect(throws: JobRunnerError.self) { try Failpoint.Armed(text) }
            let reason = error.map { "\($0)" } ?? ""
            #expect(reason.hasPrefix("FAULT_POINT: no failpoint '"))
            #expect(!reason.contains("\u{1B}"))
            for point in Failpoint.allCases { #expect(reason.contains("\(point)")) }
        }

        @Test(arguments: ["ackSent:", "ackSent:0", "ackSent:-1", "ackSent:two", "ackSent:1:2"])
        func `a number that is none is refused`(text: String) {
            let error = #expect(throws: JobRunnerError.self) { try Failpoint.Armed(text) }
            #expect(
                error.map { "\($0)" } == "FAULT_POINT: '\(text)' is not ackSent and a number from 1"
            )
        }

        @Test func `the fault suite dies at each of them`() throws {
            let code = try String(contentsOfFile: Self.fault, encoding: .utf8)
            let table = try #require(code.split(separator: "POINTS = {").last?.prefix { $0 != "}" })
            let used = table.matches(of: /'([A-Za-z]+)':/).map { String($0.1) }
            #expect(Set(used) == Set(Failpoint.allCases.map { "\($0)" }))
            #expect(used.count == Set(used).count)
        }
    }
#endif
