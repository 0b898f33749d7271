import { ask, type Model, NoPasskey } from "@/api/client";
import { keepSession } from "@/api/session";
import { t } from "@/i18n";

export type Signed = Model<"PasskeyAnswer">;

/** Whether this browser makes passkeys at this address at all. */
export function canSign(): boolean {
  return window.isSecureContext && "parseRequestOptionsFromJSON" in (globalThis.PublicKeyCredential ?? {});
}

/** Have one of the person's passkeys sign a challenge. */
export async function sign({ challenge, rp_id: rpId, credentials }: Model<"ChallengeOut">): Promise<Signed> {
  if (credentials.length === 0) throw new NoPasskey(t("passkey.none"));
  return answered(challenge, rpId, credentials);
}

/** Show again who you are, with any passkey of yours: a new session begins, which is fresh. Nobody else's counts. */
export async function showPasskey(): Promise<void> {
  const { challenge, rp_id: rpId } = await ask("post", "/api/login/passkey/challenge");
  const body = { challenge, assertion: await answered(challenge, rpId, []), again: true };
  keepSession((await ask("post", "/api/login/passkey", { body })).secret);
}

async function answered(challenge: string, rpId: string, credentials: string[]): Promise<Signed> {
  requirePasskeys();
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({
    challenge,
    rpId,
    allowCredentials: credentials.map((id) => ({ id, type: "public-key" })),
    userVerification: "required",
  });
  const given = await asked(navigator.credentials.get({ publicKey }));
  const { id, response } = given.toJSON() as AuthenticationResponseJSON;
  return {
    credential: id,
    authenticator_data: response.authenticatorData,
    client_data: response.clientDataJSON,
    signature: response.signature,
  };
}

/**
 * Make a passkey here; one that is there already has to say yes to it, or a recovery code is spent in its place. To an
 * owner who has no code one is said, this once.
 */
export async function addPasskey(code?: string): Promise<string | null> {
  requirePasskeys();
  const { creation, confirm } = await ask("post", "/api/passkeys/options");
  const assertion = confirm === null || code ? null : await sign(confirm);
  const options = creation as unknown as PublicKeyCredentialCreationOptionsJSON;
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const made = await asked(navigator.credentials.create({ publicKey }));
  const { id, response } = made.toJSON() as RegistrationResponseJSON;
  const added = await ask("post", "/api/passkeys", {
    body: {
      challenge: options.challenge,
      credential: id,
      client_data: response.clientDataJSON,
      attestation: response.attestationObject,
      assertion,
      recovery_code: code ?? null,
    },
  });
  return added.recovery_code;
}

/** What confirms a change, where it takes a passkey; nothing where it takes none. */
export async function confirmation(challenge: Model<"ChallengeOut">): Promise<Model<"PasskeyConfirmed"> | null> {
  if (challenge.credentials.length === 0) return null;
  return { challenge: challenge.challenge, assertion: await sign(challenge) };
}

/** Have a new recovery code made, which is said this once and ends the one before. */
export async function makeRecoveryCode(): Promise<string> {
  const challenge = await ask("post", "/api/recovery-code/challenge");
  const body = { challenge: challenge.challenge, assertion: await sign(challenge) };
  return (await ask("post", "/api/recovery-code", { body })).recovery_code;
}

/** Let somebody in; where a passkey confirms it, whoever comes adds their first one alone. */
export async function invite(whom: Model<"InvitationWanted">, isConfirmed: boolean): Promise<Model<"InvitationSent">> {
  if (!isConfirmed) return ask("post", "/api/invitations", { body: whom });
  const challenge = await ask("post", "/api/invitation/challenge", { body: whom });
  const confirmed = { challenge: challenge.challenge, assertion: await sign(challenge) };
  return ask("post", "/api/invitations", { body: { ...whom, confirmed } });
}

/** Take a passkey away; it takes the word of one. */
export async function removePasskey(credential: string): Promise<void> {
  const path = { credential };
  const challenge = await ask("post", "/api/passkeys/{credential}/challenge", { path });
  const body = { challenge: challenge.challenge, assertion: await sign(challenge) };
  await ask("delete", "/api/passkeys/{credential}", { path, body });
}

function requirePasskeys(): void {
  if (!canSign()) throw new NoPasskey(t("passkey.no_context"));
}

/** A device that is not touched, or does not know its holder, signs nothing: that is a no, and not a fault. */
async function asked(given: Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const credential = await given;
    if (credential instanceof PublicKeyCredential) return credential;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
  throw new NoPasskey(t("passkey.not_given"));
}
