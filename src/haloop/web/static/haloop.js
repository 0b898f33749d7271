// The plain page: ask, see what waits, decide, keep the receipt. Everything shown is put in as text, never as HTML, and
// what would hide a part of a line, end it or turn its reading is spelled out, as at a terminal.

const $ = (id) => document.getElementById(id);
const WORDS = {
  may_have_happened: "The ledger went back to an earlier state: this may have happened already.",
  uncertain_before: "An earlier try for the same thing has an unknown outcome; it may have happened.",
};
let view;
let shownGates = "";
let shownPasskeys = "";
let isStale = false;

function make(tag, about = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), about);
  made.append(...inside.map((one) => (typeof one === "string" ? visible(one) : one)));
  return made;
}

function visible(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
}

function say(text) {
  $("said").textContent = visible(text);
  $("said").hidden = !text;
}

// The cookie alone opens nothing: it reaches every port of this machine, and this stays with ours.
const KEPT = "haloop session";

function mine() {
  const secret = localStorage.getItem(KEPT);
  return secret ? { "X-Haloop-Session": secret } : {};
}

// A file cannot be linked to, because a link sends no header: it is fetched, and handed over.
async function save(path, name) {
  const answer = await fetch(path, { headers: mine() });
  if (!answer.ok) throw new Error((await answer.json()).title);
  const link = make("a", { href: URL.createObjectURL(await answer.blob()), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}

// What happens, as it happens; the connection is taken up again where it broke.
async function listen(hear) {
  let last = "";
  for (;;) {
    try {
      const answer = await fetch("api/events", { headers: { ...mine(), ...(last ? { "Last-Event-ID": last } : {}) } });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
        const ids = [...value.matchAll(/^id: (\d+)$/gm)];
        if (ids.length) last = ids.at(-1)[1];
        hear(); // also at the first words of a connection: what happened just before them was told to nobody
      }
    } catch {
      // the page goes on without; it looks by itself every now and then
    }
    await new Promise((wake) => setTimeout(wake, 2_000));
  }
}

async function call(method, path, body) {
  const headers = { ...mine(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const told = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) {
    isStale ||= told.code === "identity.stale";
    if (["identity.stale", "identity.unknown", "identity.session_over"].includes(told.code)) $("come-in").hidden = false;
    throw Object.assign(new Error(`${told.title} ${told.next_step}`), { told });
  }
  return told;
}

async function attempt(button, act) {
  button.disabled = true;
  say("");
  try {
    await act();
  } catch (error) {
    say(error.message);
  } finally {
    button.disabled = false;
    await refresh().catch((error) => say(error.message));
  }
}

// What a card says

function words(key) {
  return key.split(".").pop().replaceAll("_", " ");
}

function money({ minor, currency }) {
  const digits = new Intl.NumberFormat(undefined, { style: "currency", currency }).resolvedOptions();
  const places = digits.maximumFractionDigits;
  const shown = new Intl.NumberFormat(undefined, { style: "currency", currency }).format(minor / 10 ** places);
  return shown.replace(/\p{Cf}/gu, ""); // some languages mark the direction of a sum, and would be spelled
}

function shown(value) {
  if (value === null || value === undefined) return "";
  switch (value.type) {
    case "money": return money(value);
    case "model_text": return make("q", { className: "model" }, value.text);
    case "record": return rows(value.rows);
    case "list": return make("ul", {}, ...value.items.map((item) => make("li", {}, shown(item))));
    case "yes_no": return value.yes ? "yes" : "no";
    case "later": return "filled in later";
    case "secret": return `the secret “${value.name}”`;
    default: return String(value.text ?? value.number ?? value.iso ?? value.key ?? JSON.stringify(value));
  }
}

function rows(lines) {
  const list = make("dl");
  for (const { label, value } of lines) list.append(make("dt", {}, words(label)), make("dd", {}, shown(value)));
  return list;
}

// Nothing but an amount: whoever names two fields so must not hide a third behind them.
function isMoney(value) {
  return Object.keys(value).length === 2 && Number.isInteger(value.minor) && /^[A-Z]{3}$/.test(value.currency);
}

// Everything an effect would send, each value with its place in it.
function leaves(value, at) {
  if (value === null) return [];
  if (typeof value !== "object") return [[at, String(value)]];
  if (isMoney(value)) return [[at, money(value)]];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...at, name]));
}

function effect(line) {
  const said = [
    make("strong", {}, line.operation),
    line.cost_max ? ` · at most ${money(line.cost_max)}` : "",
    ...(line.payee ? [" · to ", make("bdi", {}, line.payee)] : []), // its letters turn nothing beside it
    line.live ? " · this is real" : " · in practice, nothing is spent",
    line.undo ? ` · can be undone (${line.undo})` : "",
  ];
  const marked = new Set(line.by_model ?? []);
  const sent = make("dl");
  for (const [at, value] of leaves(line.argument, [])) {
    const mark = [...marked].some((one) => at.join(".").startsWith(one)) ? "model" : "";
    sent.append(make("dt", {}, at.map(words).join(", ")), make("dd", { className: mark }, value));
  }
  return make("div", { className: "effect" }, ...said, sent);
}

function card(gate) {
  const { card: told } = gate;
  return [
    make("h3", {}, words(told.title)),
    ...told.disclosures.map((one) => make("p", { className: "warn" }, WORDS[one.key] ?? JSON.stringify(one))),
    make("p", { className: "quiet" }, "If you say yes:"),
    ...told.effects.map(effect),
    make("p", { className: "quiet" }, "What this rests on:"),
    rows(told.rows),
  ];
}

// A person's word

function decision(gate, verdict, more = {}) {
  const nonce = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
  const { revision, draft, card_hash, expires } = gate;
  return { verdict, revision, draft, card: card_hash, expires, nonce, view, ...more };
}

function decide(gate, button, verdict, more) {
  return attempt(button, async () => {
    const said = decision(gate, verdict, more);
    if (verdict === "approved" && gate.need.passkey) {
      said.assertion = await sign(await call("POST", `api/gates/${gate.id}/challenge`, said));
    }
    await call("POST", `api/gates/${gate.id}/decisions`, said);
  });
}

function gateBox(gate) {
  const read = make("input", { type: "checkbox" });
  const yes = make("button", { className: "yes", type: "button" }, "Yes, do exactly this");
  const no = make("button", { className: "no", type: "button" }, "No");
  yes.onclick = () => decide(gate, yes, "approved", { disclosures_read: read.checked });
  no.onclick = () => {
    const reason = prompt("Why not? (may be empty)");
    if (reason !== null) decide(gate, no, "refused", { reason });
  };
  const box = make("article", { className: "gate", id: gate.id, tabIndex: -1 }, ...card(gate));
  if (gate.must_read) box.append(make("label", {}, read, " I have read what stands above."));
  if (gate.need.passkey) box.append(make("p", { className: "quiet" }, "Your yes takes a passkey."));
  box.append(yes);
  const until = make("time", { dateTime: gate.expires_at }, `until ${new Date(gate.expires_at).toLocaleString()}`);
  box.append(no, until);
  return box;
}

// Passkeys

async function sign({ challenge, rp_id: rpId, credentials }) {
  if (credentials.length === 0) throw new Error("This takes a passkey, and you have none here. Add one below.");
  return answered(challenge, rpId, credentials);
}

// Without any credential named, the browser offers those that it has for this site.
async function answered(challenge, rpId, credentials) {
  requirePasskeys();
  const allowCredentials = credentials.map((id) => ({ id, type: "public-key" }));
  const asked = { challenge, rpId, allowCredentials, userVerification: "required" };
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked);
  const { id, response } = (await navigator.credentials.get({ publicKey })).toJSON();
  return {
    credential: id,
    authenticator_data: response.authenticatorData,
    client_data: response.clientDataJSON,
    signature: response.signature,
  };
}

function requirePasskeys() {
  if (globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON) return;
  throw new Error("This browser makes no passkeys at this address. Open the page as localhost, in a newer browser.");
}

async function addPasskey() {
  requirePasskeys();
  const { creation, confirm } = await call("POST", "api/passkeys/options");
  const code = $("recovery-code").value.trim() || null;
  const assertion = confirm === null || code ? null : await sign(confirm);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(creation);
  const { id, response } = (await navigator.credentials.create({ publicKey })).toJSON();
  const added = await call("POST", "api/passkeys", {
    challenge: creation.challenge,
    credential: id,
    client_data: response.clientDataJSON,
    attestation: response.attestationObject,
    assertion,
    recovery_code: code,
  });
  $("recovery-code").value = "";
  showCode(added.recovery_code);
}

function showCode(code) {
  if (!code) return;
  $("code-said").querySelector("code").textContent = code;
  $("code-said").hidden = false;
}

async function makeCode() {
  const asked = await call("POST", "api/recovery-code/challenge");
  const said = await call("POST", "api/recovery-code", { challenge: asked.challenge, assertion: await sign(asked) });
  showCode(said.recovery_code);
}

async function removePasskey(credential) {
  const asked = await call("POST", `api/passkeys/${credential}/challenge`);
  await call("DELETE", `api/passkeys/${credential}`, { challenge: asked.challenge, assertion: await sign(asked) });
}

function passkeyBox({ credential, added_at: added }) {
  const remove = make("button", { className: "no", type: "button" }, "Remove");
  remove.onclick = () => attempt(remove, () => removePasskey(credential));
  const since = make("time", { dateTime: added }, `added ${new Date(added).toLocaleString()}`);
  return make("li", {}, `Passkey ${credential.slice(0, 8)}… `, since, " ", remove);
}

async function showPasskeys() {
  const known = await call("GET", "api/passkeys");
  if (JSON.stringify(known) === shownPasskeys) return; // a button that waits for a device stays as it is
  shownPasskeys = JSON.stringify(known);
  $("passkeys").replaceChildren(...(known.length ? known.map(passkeyBox) : [make("li", { className: "quiet" }, "None yet.")]));
}

// Being told

async function showNotices() {
  const { wanted, by_mail: byMail } = await call("GET", "api/me/notices");
  for (const name of ["quiet_from", "quiet_to", "digest_at"]) $("told").elements[name].value = wanted[name];
  $("told").elements.address.value = wanted.mail ? wanted.address : "";
  $("mailed").textContent = byMail ? "" : "No mail server is set, so no mail is sent: see mail.host in the settings.";
  $("how-told").disabled = false; // what somebody types is not written over from now on
}

function keepNotices(event) {
  event.preventDefault();
  return attempt(event.submitter, async () => {
    const { wanted } = await call("GET", "api/me/notices");
    const said = Object.fromEntries(new FormData($("told")));
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    await call("PUT", "api/me/notices", { ...wanted, ...said, zone, mail: said.address !== "" });
    await showNotices();
    say("Saved.");
  });
}

async function tryNotices() {
  const tried = await call("POST", "api/me/notices/test");
  const lines = tried.map(({ channel, told, sentence, next_step: next }) => `${told ? "Sent" : "Not sent"} by ${channel}: ${sentence} ${next}`);
  say(lines.join(" ") || "You want to be told nothing, so nothing was sent. Give an address, and save it.");
}

// What can be asked for

function fieldsOf(schema, path, root) {
  const known = schema.$ref ? root.$defs[schema.$ref.split("/").pop()] : schema;
  if (known.type === "object" && known.properties) {
    return Object.entries(known.properties).flatMap(([name, inner]) => fieldsOf(inner, [...path, name], root));
  }
  const kind = { integer: "number", number: "number", boolean: "checkbox" }[known.type] ?? "text";
  const format = { "date-time": "datetime-local", date: "date", time: "time" }[known.format] ?? kind;
  const input = make("input", { type: format, required: format !== "checkbox" && !known.anyOf });
  if (known.default !== undefined) input.value = known.default;
  if (known.minimum !== undefined) input.min = known.minimum;
  if (known.maximum !== undefined) input.max = known.maximum;
  Object.assign(input, { haloopPath: path, haloopKind: known.anyOf ? "any" : known.type, haloopFormat: format });
  return [input];
}

function read(input) {
  if (input.haloopFormat === "checkbox") return input.checked;
  if (input.haloopFormat === "datetime-local") return new Date(input.value).toISOString();
  if (input.haloopKind === "any") return input.value === "" ? null : whatever(input.value);
  if (input.haloopKind === "integer") return Number.parseInt(input.value, 10);
  if (["string", undefined].includes(input.haloopKind)) return input.value;
  return JSON.parse(input.value);
}

function whatever(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function put(into, [name, ...rest], value) {
  if (rest.length === 0) into[name] = value;
  else put((into[name] ??= {}), rest, value);
}

let offered = [];

function showFields() {
  const chosen = offered[$("what").selectedIndex];
  if (!chosen) return;
  $("does").textContent = chosen.does;
  const inputs = Object.entries(chosen.takes).flatMap(([name, schema]) => fieldsOf(schema, [name], schema));
  $("fields").replaceChildren(...inputs.map((one) => make("label", {}, words(one.haloopPath.at(-1)), one)));
}

async function ask(event) {
  event.preventDefault();
  const chosen = offered[$("what").selectedIndex];
  const passed = {};
  await attempt(event.submitter, async () => {
    for (const input of $("fields").querySelectorAll("input")) put(passed, input.haloopPath, read(input));
    await call("POST", "api/requests", { desk: chosen.desk, procedure: chosen.name, arguments: passed });
  });
}

// What nobody knows, until a person has found out

function findingBox(open) {
  const because = make("input", { type: "text", maxLength: 500 });
  const inputs = fieldsOf(open.result, [], open.result);
  const yes = make("button", { className: "yes" }, "It happened");
  const no = make("button", { className: "no", type: "button" }, "It did not happen");
  const settle = (button, happened) => attempt(button, async () => {
    const result = {};
    if (happened) for (const input of inputs) put(result, input.haloopPath, read(input));
    const found = { effect: open.effect, happened, result: happened ? result : null, sentence: because.value };
    const at = `api/gates/${open.gate}/findings`;
    if (open.passkey) found.assertion = await sign(await call("POST", `${at}/challenge`, found));
    await call("POST", at, found);
  });
  const sent = make("dl");
  for (const [at, value] of leaves(open.executed, [])) sent.append(make("dt", {}, at.map(words).join(", ")), make("dd", {}, value));
  const form = make(
    "form",
    { className: "finding" },
    make("p", { className: "warn" }, `Nobody knows whether this happened: ${open.sentence}`),
    make("strong", {}, open.operation),
    sent,
    make("p", { className: "quiet" }, "Ask there. If it happened, say what came of it:"),
    ...inputs.map((one) => make("label", {}, words(one.haloopPath.at(-1)), one)),
    make("label", {}, "How you know", because),
    yes,
    no,
  );
  form.onsubmit = (event) => {
    event.preventDefault();
    settle(yes, true);
  };
  no.onclick = () => settle(no, false);
  return form;
}

// One form for each open question, however often its run is drawn: what somebody typed into it stays.
const findings = new Map();

function keptFinding(open) {
  const key = `${open.gate} ${open.effect}`;
  if (!findings.has(key)) findings.set(key, findingBox(open));
  return findings.get(key);
}

// Plain words

let conversation = [];

function suggestion(words) {
  const use = make("button", { type: "button" }, words);
  use.onclick = () => {
    $("words").value = words;
    $("say").requestSubmit();
  };
  return use;
}

function question({ asks, choices }) {
  return make("p", {}, `${asks} `, ...choices.map(suggestion));
}

function hear(answered) {
  const said = answered.conversation ?? [];
  const lines = said.map((words) => make("q", { className: "said" }, words));
  if (answered.outcome === "asks") lines.push(...answered.questions.map(question));
  if (answered.outcome === "unsupported") {
    lines.push(make("p", { className: "warn" }, answered.sentence));
    if (answered.examples.length) lines.push(make("p", { className: "quiet" }, "This would work:"));
    lines.push(...answered.examples.map(suggestion));
  }
  if (answered.outcome === "begun") lines.push(...taken(answered.understood.taken));
  $("heard").replaceChildren(...lines);
  conversation = said;
  $("forget").hidden = said.length === 0;
  if (answered.outcome !== "unsupported") $("words").value = "";
  $("words").focus();
}

function taken(sentences) {
  return sentences.map((one) => make("p", { className: "quiet" }, `Taken for granted: ${one}`));
}

async function askInWords(event) {
  event.preventDefault();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const said = { words: $("words").value, conversation, zone };
  await attempt($("say-it"), async () => hear(await call("POST", "api/requests", said)));
}

function forget() {
  conversation = [];
  $("heard").replaceChildren();
  $("forget").hidden = true;
}

// What happened

async function runBox(run) {
  const box = make("li", { id: run.id }, make("strong", {}, `${words(run.desk)}: ${words(run.procedure)}`), ` · ${words(run.state)} `);
  box.append(make("time", { dateTime: run.begun_at }, new Date(run.begun_at).toLocaleString()));
  if (run.state === "uncertain") box.append(...(await call("GET", `api/runs/${run.id}/uncertain`)).map(keptFinding));
  box.append(...run.words.map((words) => make("q", { className: "said" }, words)), ...taken(run.taken));
  if (run.state === "ended" || run.state === "parked") {
    const { reason } = await call("GET", `api/runs/${run.id}`);
    box.append(make("p", {}, reason ?? ""));
    for (const receipt of await call("GET", `api/runs/${run.id}/receipts`)) {
      const link = make("button", { type: "button" }, `Receipt: ${receipt.effect}`);
      link.onclick = () => attempt(link, () => save(receipt.file.slice(1), `receipt-${run.id}.json`));
      box.append(link, " ");
    }
  }
  return box;
}

const settled = new Map();

let looking = null;
let lookAgain = false;

// One look at a time: an answer that is late must not cover a newer one.
async function refresh() {
  lookAgain = looking !== null;
  if (looking === null) {
    looking = look().finally(() => (looking = null));
    await looking;
    if (lookAgain) await refresh();
  } else {
    await looking;
  }
}

// The switch. Stopping asks nothing, because seconds count; letting work go on does.
async function showStop() {
  const { agents_stopped: stopped } = await call("GET", "api/status");
  const button = $("stop");
  button.hidden = false;
  button.textContent = stopped ? "All agents are stopped. Let work go on" : "Stop all agents";
  button.onclick = () => {
    if (!stopped) attempt(button, () => call("POST", "api/agents/stop", {}));
    else if (confirm("Let work begin again? Tokens, grants and approvals from before stay gone.")) {
      attempt(button, () => call("POST", "api/agents/resumption"));
    }
  };
}

// What is in its place already is not touched: a button that is moved while somebody presses it loses the click.
function line(list, boxes) {
  boxes.forEach((box, place) => {
    if (list.children[place] !== box) list.insertBefore(box, list.children[place] ?? null);
  });
  while (list.children.length > boxes.length) list.lastElementChild.remove();
}

async function look() {
  await showStop();
  const { gates } = await call("GET", "api/gates");
  const now = JSON.stringify(gates.map(({ id, revision }) => [id, revision]));
  if (now !== shownGates) {
    shownGates = now;
    $("gates").replaceChildren(...(gates.length ? gates.map(gateBox) : [make("p", { className: "quiet" }, "Nothing.")]));
  }
  const { runs } = await call("GET", "api/runs?limit=20");
  const boxes = [];
  for (const run of runs) {
    const key = `${run.id} ${run.newest_at} ${run.state}`;
    if (!settled.has(key)) settled.set(key, await runBox(run));
    boxes.push(settled.get(key));
  }
  line($("runs"), boxes.length ? boxes : [make("li", { className: "quiet" }, "Nothing yet.")]);
  await showPasskeys();
}

// The gate that the address names: the one somebody was sent to, open or not any more.
async function showNamed(named) {
  const box = document.getElementById(named);
  if (box !== null) {
    box.classList.add("named");
    box.scrollIntoView();
    box.focus();
    return;
  }
  const { status } = await call("GET", `api/gates/${encodeURIComponent(named)}`);
  say(`Nobody needs to answer this any more: it is ${words(status)}.`);
}

let due;

function refreshSoon() {
  clearTimeout(due);
  due = setTimeout(() => refresh().catch((error) => say(error.message)), 150);
}

// Coming in

async function comeIn(rest) {
  const said = new URLSearchParams(location.hash.slice(1));
  const key = new URLSearchParams(location.search).get("key") ?? said.get("key") ?? "";
  const [invitation, session, refused] = ["invitation", "session", "refused"].map((name) => said.get(name) ?? "");
  if (key || invitation || session || refused) history.replaceState(null, "", location.pathname + rest);
  if (refused) say(`The login did not work (${refused}).`);
  const { elsewhere, issuer } = await call("GET", "api/login");
  $("log-in").hidden = !issuer;
  $("log-in").onclick = () => step($("log-in"), async () => {
    const again = !$("come-in").hidden && mine()["X-Haloop-Session"] !== undefined;
    location.assign((await call("POST", "api/login", { key, invitation, again })).address);
  });
  $("show-passkey").onclick = () => step($("show-passkey"), async () => {
    const { challenge, rp_id: rpId } = await call("POST", "api/login/passkey/challenge");
    await begin("api/login/passkey", { challenge, assertion: await answered(challenge, rpId, []), again: isStale });
    location.reload();
  });
  if (elsewhere && (key || invitation)) $("come-in").hidden = false;
  else if (session || key) await begin("api/session", { key: session || key });
  // Whoever sent the address chose the account: nobody is moved into it without being asked.
  else if (invitation && confirm("You are invited to an account here. Come in?")) await begin("api/redemptions", { invitation });
}

async function begin(path, shown) {
  localStorage.setItem(KEPT, (await call("POST", path, shown)).secret);
}

async function step(button, act) {
  button.disabled = true;
  say("");
  await act().catch((error) => say(error.message));
  button.disabled = false;
}

async function open() {
  const catalogue = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(WORDS)));
  const hex = [...new Uint8Array(catalogue)].map((one) => one.toString(16).padStart(2, "0")).join("");
  view = { language: "en", renderer: "page/2", catalogue: hex };
  const named = new URLSearchParams(location.search).get("gate");
  await comeIn(named ? `?gate=${encodeURIComponent(named)}` : "").catch((error) => say(error.message));
  const me = await call("GET", "api/me");
  // Whoever opened a link in the app before they came in goes on to it now.
  const link = sessionStorage.getItem("haloop link");
  sessionStorage.removeItem("haloop link");
  if (link) location.replace(link);
  $("who").textContent = `${me.name} · ${me.roles.join(", ")}`;
  const desks = await call("GET", "api/desks");
  offered = desks.flatMap((desk) => desk.procedures.map((one) => ({ ...one, desk: desk.name })));
  $("what").replaceChildren(...offered.map((one) => make("option", {}, `${words(one.desk)}: ${words(one.name)}`)));
  $("what").onchange = showFields;
  $("ask").onsubmit = ask;
  $("say").onsubmit = askInWords;
  $("forget").onclick = forget;
  $("add-passkey").onclick = () => attempt($("add-passkey"), addPasskey);
  $("add-passkey").disabled = false;
  $("make-code").onclick = () => attempt($("make-code"), makeCode);
  $("make-code").disabled = false;
  $("told").onsubmit = keepNotices;
  $("try-notices").onclick = () => attempt($("try-notices"), tryNotices);
  await showNotices();
  showFields();
  await refresh();
  if (named) await showNamed(named).catch((error) => say(error.message));
  listen(refreshSoon);
  setInterval(refreshSoon, 30_000);
}

open().catch((error) => say(error.message));
