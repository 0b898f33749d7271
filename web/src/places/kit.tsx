import type { ReactNode } from "react";
import { Problem, Unreached } from "@/api/client";
import { ApprovalSheet } from "@/drafts/ApprovalSheet";
import Composer from "@/drafts/Composer";
import { DraftCard, type Failure } from "@/drafts/DraftCard";
import { Proof } from "@/drafts/Proof";
import type { Proving } from "@/drafts/proving";
import { Receipt } from "@/drafts/Receipt";
import { Trail } from "@/drafts/Trail";
import { EXECUTION, gateOf, PURCHASE, TRAIL, UNCERTAIN } from "@/kit/examples";
import { Button } from "@/ui/Button";
import { Chip, type Tone } from "@/ui/Chip";
import { Loop, type LoopState } from "@/ui/Loop";
import { Failed, Notice } from "@/ui/Notice";
import { Empty, Page, Waiting } from "@/ui/Page";

const LOOPS: LoopState[] = ["draft", "waiting", "running", "done", "proved", "failed", "uncertain", "expired"];
const TONES: Tone[] = ["plain", "wait", "bad", "ok", "info"];
const FAILURES: Failure[] = ["not_done", "uncertain", "refused", "expired", "withdrawn", "parked", "cancelled"];
const FOUND = { events: [], ran: [{ effect: "buy", missing: [], unseen: [] }], witnesses: ["witness.example"] };
const PROVINGS: Proving[] = [
  { state: "unchecked" },
  { state: "checking" },
  { state: "impossible" },
  { state: "proved", outcome: "proved", key: "haloop.local/acc_5a1e+c3ae986b+AQOh", lines: ["PROVED: 3"], ...FOUND },
  { state: "unknown_signer", outcome: "signer_unknown", key: undefined, lines: ["CONSISTENT"], ...FOUND },
  { state: "broken", outcome: "bad", key: undefined, lines: ["BAD: event 3: it is not in the tree"], ...FOUND },
  {
    state: "no_receipt",
    outcome: "not_a_receipt",
    key: undefined,
    lines: ["NOT A RECEIPT: it holds no events"],
    ...FOUND,
  },
  {
    state: "unread_key",
    outcome: "key_unread",
    key: undefined,
    lines: ["CANNOT READ A KEY: --person is malformed"],
    ...FOUND,
  },
];
const REFUSED = new Problem({
  type: "urn:haloop:answer.late",
  title: "This gate is closed: it was refused.",
  status: 409,
  code: "answer.late",
  next_step: "Read the gate again; it shows where it stands and who may answer.",
  executed: false,
  request_id: "9577da8ef8da9cda",
  errors: null,
  difference: null,
  gate: null,
});
const nothing = () => undefined;

/** Every shared part in every state, for those who work on them and for the tests. */
export default function Kit() {
  return (
    <Page title="Kit">
      <Part name="Loop">
        <div className="flex flex-wrap gap-5">
          {LOOPS.map((state) => (
            <span key={state} className="grid justify-items-center gap-1 text-sm">
              <Loop state={state} size={32} /> {state}
            </span>
          ))}
          <span className="grid justify-items-center gap-1 text-sm">
            <Loop state="waiting" size={32} left={0.25} /> a quarter left
          </span>
        </div>
      </Part>
      <Part name="Button, Chip">
        <div className="mb-3 flex flex-wrap gap-2">
          <Button kind="main" cap="A">
            Approve €46.80
          </Button>
          <Button cap="E">Change</Button>
          <Button kind="bad" cap="D">
            Decline
          </Button>
          <Button kind="quiet">Cancel</Button>
          <Button kind="main" disabled>
            Approving
          </Button>
        </div>
        <div className="flex flex-wrap gap-2">
          {TONES.map((tone) => (
            <Chip key={tone} tone={tone}>
              {tone}
            </Chip>
          ))}
        </div>
      </Part>
      <Part name="Empty, Waiting, Failed, Notice">
        <Empty says="What waits for you will be listed here." action={<Button>Ask for something</Button>} />
        <Waiting rows={2} />
        <Failed error={REFUSED} again={<Button>Try again</Button>} />
        <Failed error={new Unreached("")} />
        <Notice tone="info" loop="running" title="You said yes; it is being carried out" />
        <Notice tone="wait" loop="uncertain" title="Nobody knows yet" />
      </Part>
      <Part name="DraftCard: Draft">
        <DraftCard face="draft" card={PURCHASE} above="Errands, asked by shopper" chips={<Chip>In practice</Chip>} />
      </Part>
      <Part name="DraftCard: Clarify">
        <DraftCard
          face="clarify"
          asked="a table on Friday"
          question="For how many?"
          options={["Two", "Four"]}
          onAnswer={nothing}
        />
      </Part>
      <Part name="DraftCard: Unsupported">
        <DraftCard
          face="unsupported"
          asked="fly to the moon"
          sentence="Nobody here does that."
          offers={["Book a table"]}
          onOffer={nothing}
        />
      </Part>
      <Part name="DraftCard: Done">
        <DraftCard
          face="done"
          card={PURCHASE}
          executions={[EXECUTION]}
          proof={<Proof proving={PROVINGS[2] as Proving} />}
        />
      </Part>
      {FAILURES.map((how) => (
        <Part key={how} name={`DraftCard: Failed, ${how}`}>
          <DraftCard face="failed" card={PURCHASE} how={how} reason="The shop says: sold out." />
        </Part>
      ))}
      <Part name="ApprovalSheet: two keys">
        <ApprovalSheet gate={gateOf(PURCHASE)} above="Errands, asked by shopper" />
      </Part>
      <Part name="ApprovalSheet: passkey">
        <ApprovalSheet
          gate={gateOf(PURCHASE, { need: { count: 1, roles: ["owner"], passkey: true, separation: false } })}
        />
      </Part>
      <Part name="ApprovalSheet: must be read">
        <ApprovalSheet gate={gateOf(UNCERTAIN)} />
      </Part>
      <Part name="ApprovalSheet: too late">
        <ApprovalSheet gate={gateOf(PURCHASE, { expires: 1_000_000, change_takes: null })} />
      </Part>
      <Part name="Trail">
        <Trail trail={TRAIL} me="per_1" />
      </Part>
      <Part name="Receipt">
        <Receipt execution={EXECUTION} />
        <Receipt execution={{ ...EXECUTION, exceeded: true, executed: { item: "Sencha" }, attempts: 2 }} />
      </Part>
      <Part name="Proof">
        {PROVINGS.map((proving) => (
          <Proof key={proving.state} proving={proving} draft={gateOf(PURCHASE).draft} />
        ))}
      </Part>
      <Part name="Composer">
        <Composer onAsked={nothing} onCancel={nothing} />
      </Part>
    </Page>
  );
}

function Part({ name, children }: { name: string; children: ReactNode }) {
  return (
    <section aria-label={name} className="mb-10">
      <h2 className="mb-3 border-b border-line pb-1 text-base">{name}</h2>
      <div className="grid max-w-2xl gap-3">{children}</div>
    </section>
  );
}
