/* The lease protocol as a model that spin checks in full: 2 workers, 2 jobs, a producer, whoever
 * reaps, and at most FAULTS faults of any kind at any moment.
 *
 * Scripts are atomic, as on the server. A worker's process has an identity a life; a life ends with
 * a lost lease or a crash. Faults: a crash; a lease that lapses although its worker lives; a
 * reply that is lost; a command that is executed late, or never; with ABORT a script that is
 * stopped between its writes.
 *
 * Checked: no accepted job is ever in no place; no job counts as done twice; a job runs twice only
 * beside a fault; every accepted job is done in the end (ltl, weak fairness). Each of the
 * NO_... and SOURCE_FIRST definitions takes a safety line out: spin must find a trail.
 */
#ifndef FAULTS
#define FAULTS 2
#endif
#define JOBS 2
#define WORKERS 2
#define LIVES 5        /* two to begin with, and one more for each fault: at most three */
#define HELD(life, job) held[(life) * JOBS + (job)]

mtype = { unborn, alive, reaping, gone };

/* The server. A tag is 0 for "not held". */
byte ready[JOBS], landing[JOBS];
byte held[LIVES * JOBS];
mtype lease[LIVES] = unborn;
bool seen[JOBS];
byte done[JOBS];
byte tags;

/* What a global observer knows. */
bool accepted[JOBS];
byte runs[JOBS];
byte faults;
bool aborted;
byte lives = WORKERS;
bool up[WORKERS];
byte life[WORKERS];

/* One command that was given up and may be executed later. */
bool late;
byte lateLife, lateWant;
byte lateAck[JOBS];

/* Safety lines, each of which a definition takes out. */
#ifdef NO_LEASE_CHECK
#define IS_LOST(l) false
#else
#define IS_LOST(l) (lease[l] != alive)
#endif
#ifdef NO_TAG_GUARD
#define MINE(l, job, tag) (tag)
#else
#define MINE(l, job, tag) ((tag) && HELD(l, job) == (tag))
#endif
#ifdef NO_LANDING_DRAIN
#define PARKED(job) 0
#else
#define PARKED(job) landing[job]
#endif
#define FINDS_READY(want) ((want) && !PARKED(0) && !PARKED(1))

/* cycle: acks first, then a fetch of at most one job, landing first. `tag` is 0 for no ack. */
inline cycle(l, wants, first, second, job, tag, isLate) {
  job = JOBS; tag = 0; isLate = false;
  if
  :: IS_LOST(l) -> isLate = true
  :: else ->
    if :: MINE(l, 0, first) -> done[0]++; HELD(l, 0) = 0 :: else -> skip fi;
    if :: MINE(l, 1, second) -> done[1]++; HELD(l, 1) = 0 :: else -> skip fi;
    if
    :: !(wants)
    :: (wants) && PARKED(0) -> landing[0]--; job = 0
    :: (wants) && PARKED(1) -> landing[1]--; job = 1
    :: FINDS_READY(wants) && ready[0] -> ready[0]--; job = 0
    :: FINDS_READY(wants) && ready[1] -> ready[1]--; job = 1
    :: FINDS_READY(wants) && !ready[0] && !ready[1]
    fi;
    if
    :: job < JOBS -> tags++; assert(tags < 250); tag = tags; HELD(l, job) = tags
    :: else -> skip
    fi
  fi
}

#define STRANGE(w) ((HELD(life[w], 0) != 0) != (know0 != 0) || (HELD(life[w], 1) != 0) != (know1 != 0))

/* The lease is lost, or the process is new: the next life. */
inline renew(w) {
  know0 = 0; know1 = 0; ended0 = false; ended1 = false; joined = false;
  assert(lives < LIVES);
  life[w] = lives; lives++
}

/* What the next cycle carries: all that has ended, and a fetch when nothing is held. */
inline acks() {
  want = (!know0 && !know1);
  if :: ended0 -> ack0 = know0 :: else -> ack0 = 0 fi;
  if :: ended1 -> ack1 = know1 :: else -> ack1 = 0 fi
}

proctype Worker(byte w) {
  byte know0, know1;                   /* tags of what it knows it holds */
  byte want, ack0, ack1, got, gotTag;  /* of one cycle */
  bool ended0, ended1;                 /* its handler has ended; the ack is unconfirmed */
  bool joined, isLost, asks;           /* asks: a reply was lost, reconcile before all else */
  up[w] = true;
end:
  do
  :: atomic { up[w] && !joined ->
      if
      :: lease[life[w]] == unborn -> lease[life[w]] = alive; joined = true
      :: else -> renew(w)
      fi }
  /* A handler ends. */
  :: atomic { up[w] && know0 && !ended0 -> ended0 = true }
  :: atomic { up[w] && know1 && !ended1 -> ended1 = true }
  /* A cycle that is answered. */
  :: atomic { up[w] && joined && !asks && (ended0 || ended1 || (!know0 && !know1)) ->
      acks();
      cycle(life[w], want, ack0, ack1, got, gotTag, isLost);
      if
      :: isLost -> renew(w)
      :: else ->
        if :: ended0 -> know0 = 0; ended0 = false :: else -> skip fi;
        if :: ended1 -> know1 = 0; ended1 = false :: else -> skip fi;
        if
        :: got == 0 -> know0 = gotTag; runs[0]++
        :: got == 1 -> know1 = gotTag; runs[1]++
        :: else -> skip
        fi;
        asks = STRANGE(w)
      fi;
      got = 0; gotTag = 0; isLost = false; want = 0; ack0 = 0; ack1 = 0 }
  /* The same, executed, and its reply is lost. */
  :: atomic { up[w] && joined && !asks && faults < FAULTS && (ended0 || ended1 || (!know0 && !know1)) ->
      faults++;
      acks();
      cycle(life[w], want, ack0, ack1, got, gotTag, isLost);
      got = 0; gotTag = 0; isLost = false; want = 0; ack0 = 0; ack1 = 0; asks = true }
  /* The same, executed later or never. */
  :: atomic { up[w] && joined && !asks && !late && faults < FAULTS && (ended0 || ended1 || (!know0 && !know1)) ->
      faults++;
      acks();
      late = true; lateLife = life[w]; lateWant = want; lateAck[0] = ack0; lateAck[1] = ack1;
      want = 0; ack0 = 0; ack1 = 0; asks = true }
#ifdef ABORT
  /* The script is stopped half-way: an ack's result is written and its tag still there, or a job
   * is in `active` and still in its list. */
  :: atomic { up[w] && joined && !asks && faults < FAULTS && lease[life[w]] == alive && ended0 ->
      faults++; aborted = true; asks = true }
  :: atomic { up[w] && joined && !asks && faults < FAULTS && lease[life[w]] == alive && !know0 && !know1 && ready[0] ->
      faults++; aborted = true; asks = true;
#ifdef SOURCE_FIRST
      ready[0]--
#else
      tags++; HELD(life[w], 0) = tags
#endif
      }
#endif
  /* The server holds something else for me than I know of, by `held` of any answer, or an answer was
   * lost: what is strange goes back; what is gone was confirmed, or taken away. */
  :: atomic { up[w] && joined && lease[life[w]] == alive && asks ->
      asks = false;
#ifndef NO_RECONCILE
      if :: HELD(life[w], 0) && HELD(life[w], 0) != know0 -> HELD(life[w], 0) = 0; ready[0]++ :: else -> skip fi;
      if :: HELD(life[w], 1) && HELD(life[w], 1) != know1 -> HELD(life[w], 1) = 0; ready[1]++ :: else -> skip fi;
#endif
      if :: !HELD(life[w], 0) -> know0 = 0; ended0 = false :: else -> skip fi;
      if :: !HELD(life[w], 1) -> know1 = 0; ended1 = false :: else -> skip fi }
  /* A tick says the lease is lost. */
  :: atomic { up[w] && joined && (lease[life[w]] == reaping || lease[life[w]] == gone) -> asks = false; renew(w) }
  /* An idle worker parks a job with BRPOPLPUSH. */
  :: atomic { up[w] && joined && !know0 && !know1 && ready[0] -> ready[0]--; landing[0]++ }
  :: atomic { up[w] && joined && !know0 && !know1 && ready[1] -> ready[1]--; landing[1]++ }
  /* It is killed, and started again. */
  :: atomic { up[w] && joined && faults < FAULTS -> faults++; up[w] = false; asks = false }
  :: atomic { !up[w] -> up[w] = true; renew(w) }
  od
}

/* Leases lapse, jobs of those who are gone go back, one a step: of a life that its worker has left
 * behind or is down in at some time, of one that lives (frozen, or cut off) by a fault. */
#define LAPSES(l) !((up[0] && life[0] == l) || (up[1] && life[1] == l))
#ifdef NO_FENCE
#define FREEZE(l) faults++; ready[0] = ready[0] + (HELD(l, 0) != 0); ready[1] = ready[1] + (HELD(l, 1) != 0); HELD(l, 0) = 0; HELD(l, 1) = 0
#else
#define FREEZE(l) faults++; lease[l] = reaping
#endif
#define REAP(l) \
  :: atomic { lease[l] == alive && LAPSES(l) -> lease[l] = reaping } \
  :: atomic { lease[l] == alive && faults < FAULTS -> FREEZE(l) } \
  :: atomic { lease[l] == reaping && HELD(l, 0) -> ready[0]++; HELD(l, 0) = 0 } \
  :: atomic { lease[l] == reaping && HELD(l, 1) -> ready[1]++; HELD(l, 1) = 0 } \
  :: atomic { lease[l] == reaping && !HELD(l, 0) && !HELD(l, 1) -> lease[l] = gone }

proctype Reaper() {
end:
  do
  REAP(0)
  REAP(1)
  REAP(2)
  REAP(3)
  REAP(4)
  od
}

/* The command that was given up is executed after all, or never. */
proctype Late() {
  byte got, gotTag; bool isLost;
end:
  do
  :: atomic { late ->
      cycle(lateLife, lateWant, lateAck[0], lateAck[1], got, gotTag, isLost);
      got = 0; gotTag = 0; isLost = false; late = false; lateAck[0] = 0; lateAck[1] = 0; lateLife = 0; lateWant = 0 }
  :: atomic { late -> late = false; lateAck[0] = 0; lateAck[1] = 0; lateLife = 0; lateWant = 0 }
  od
}

/* Enqueues each job, again when the reply is lost. */
proctype Producer() {
  byte j;
  do
  :: atomic { j < JOBS -> if :: !seen[j] -> seen[j] = true; ready[j]++ :: else -> skip fi; accepted[j] = true; j++ }
  :: atomic { j < JOBS && faults < FAULTS -> faults++; if :: !seen[j] -> seen[j] = true; ready[j]++ :: else -> skip fi }
  :: atomic { j == JOBS -> break }
  od
}

#define PLACES(j) (ready[j] + landing[j] + (HELD(0, j) != 0) + (HELD(1, j) != 0) + (HELD(2, j) != 0) \
                   + (HELD(3, j) != 0) + (HELD(4, j) != 0) + done[j])

proctype Observer() {
  atomic {
    !( (!accepted[0] || PLACES(0) >= 1) && (!accepted[1] || PLACES(1) >= 1) && (aborted || (PLACES(0) <= 1 && PLACES(1) <= 1 && done[0] <= 1 && done[1] <= 1)) && (faults > 0 || (runs[0] <= 1 && runs[1] <= 1)) ) -> assert(false)
  }
}

init {
  atomic {
    life[0] = 0; life[1] = 1;
    run Worker(0); run Worker(1); run Reaper(); run Late(); run Producer();
#ifndef LIVENESS
    run Observer()
#endif
  }
}

#ifdef LIVENESS
ltl finishes { [] (accepted[0] -> <> (done[0] >= 1)) }
#endif
