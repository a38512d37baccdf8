#!/usr/bin/env node
// Checks a recorded trace against the specification: `tla/check_trace.mjs TRACE`. The file has one
// JSON object a line. Lines of the service have no `by`; lines of a client name their participant
// there, and are in its order. Exits with 1 if the trace is not a behaviour of `Meeting.tla`.

import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const CHECKER = join(HERE, "../.tools/bin/tla");
/** The names in `Committer.tla` of the codes of `RejoinReason::code`. */
const ENDS = {
  departed: "Departed",
  removed: "Removed",
  invalid_log: "InvalidLog",
  cannot_process: "CannotProcess",
};

const file = process.argv[2];
if (file === undefined) throw new Error("usage: check_trace.mjs TRACE");
const recorded = readFileSync(file, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line));
const service = recorded.filter((line) => line.by === undefined);
const participants = Math.max(...service.map((line) => line.participant ?? 0));
const clients = Array.from({ length: participants }, (_, at) =>
  recorded.filter((line) => line.by === at + 1),
);

// The specification identifies a commit by its author and the number of the author's draft.
const commits = new Map();
clients.forEach((lines, at) => {
  const drafts = [
    ...new Set(lines.map((line) => line.pending).filter(Boolean)),
  ];
  drafts.forEach((id, draft) => commits.set(id, `<<${at + 1}, ${draft + 1}>>`));
});

const text = (value) => `"${value}"`;
const set = (numbers) => `{${numbers.join(", ")}}`;
const bool = (value) => (value ? "TRUE" : "FALSE");
// A commit that no client's line names is unknown: the specification refuses the trace there.
const commit = (id) => (id ? (commits.get(id) ?? "<<99, 99>>") : "NoEpoch");
const record = (fields) =>
  `[${Object.entries(fields)
    .map(([key, value]) => `${key} |-> ${value}`)
    .join(", ")}]`;
const sequence = (lines) =>
  lines.length === 0 ? "<<>>" : `<<\n    ${lines.join(",\n    ")}>>`;

const serviceLine = (line) =>
  record({
    step: text(line.step),
    participant: line.participant ?? 0,
    replaces: line.replaces ?? 0,
    position: line.position ?? 0,
    commit: commit(line.message_id),
    creates: bool(line.creates),
    expected: line.expected ?? 0,
    roster: set(line.roster ?? []),
    welcome: bool(line.welcome),
    count: line.count ?? 0,
    acked: bool(line.vote === "ack"),
    outcome: text(line.outcome ?? ""),
  });
const clientLine = (line) =>
  record({
    step: text(line.step),
    position: line.position,
    phase: text(line.phase),
    ended: text(line.ended ? (ENDS[line.ended] ?? line.ended) : "no"),
    epoch: commit(line.epoch),
    members: set(line.members),
    pending: commit(line.pending),
  });

const folder = mkdtempSync(join(tmpdir(), "orange-trace-"));
let output;
try {
  for (const name of readdirSync(HERE)) {
    if (name.endsWith(".tla"))
      copyFileSync(join(HERE, name), join(folder, name));
  }
  writeFileSync(
    join(folder, "Recorded.tla"),
    [
      "------------------------------ MODULE Recorded ------------------------------",
      "EXTENDS Properties",
      `Service == ${sequence(service.map(serviceLine))}`,
      `Clients == <<\n  ${clients.map((lines) => sequence(lines.map(clientLine))).join(",\n  ")}>>`,
      "=============================================================================",
      "",
    ].join("\n"),
  );
  const properties = [
    "OneCommitPerEpoch",
    "Agreement",
    "NoFork",
    "KeysOnlyForMembers",
    "NoGhost",
    "NoPosthumous",
  ];
  const constants = {
    N: participants,
    Members: 0,
    Lost: 0,
    Reconnects: 0,
    Suspected: 0,
    Frozen: 0,
    Unresponsive: 0,
    Reloads: 0,
    Poison: "{}",
    Bad: "{}",
  };
  writeFileSync(
    join(folder, "Trace.cfg"),
    [
      "SPECIFICATION TraceSpec",
      "CONSTANTS",
      ...Object.entries(constants).map(
        ([name, value]) => `  ${name} = ${value}`,
      ),
      "INVARIANTS",
      ...[...properties, "Unfinished"].map((name) => `  ${name}`),
      "CHECK_DEADLOCK FALSE",
      "",
    ].join("\n"),
  );
  const run = spawnSync(
    CHECKER,
    ["Trace.tla", "--config", "Trace.cfg", "--max-depth", "100000"],
    {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    },
  );
  if (run.error) throw run.error;
  output = run.stdout + run.stderr;
} finally {
  rmSync(folder, { recursive: true });
}

const violated = /^Invariant \d+ \((.*)\) violated!$/m.exec(output)?.[1];
const states = Number(
  /(?:Reachable states|States explored): (\d+)/.exec(output)?.[1],
);
if (violated === "Unfinished") {
  console.log(`accepted: ${recorded.length} steps of ${participants} participants`);
} else if (violated !== undefined) {
  console.log(
    `refused: it violates ${violated} after ${states} of ${recorded.length} steps`,
  );
  process.exitCode = 1;
} else if (/No errors found/.test(output)) {
  // The first state comes before the first step.
  console.log(
    `refused: no behaviour of the specification goes on after ${states - 1} of ${recorded.length} steps`,
  );
  process.exitCode = 1;
} else {
  console.error(output.slice(-3000));
  process.exitCode = 2;
}
