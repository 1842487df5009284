// Asks the server's JSON API. Paths, parameters and answers are checked against the generated schema.
// Not a cache (that is TanStack Query) and not a retry policy. Every failure leaves as one `ApiError`.
import type { paths } from "./schema";
import type { Problem } from "./types";

/** Who is at fault: the way to the server, its answer, or the request. */
export type FailureKind = "unreachable" | "malformed" | "refused";

/** A request that did not succeed, with all that a person needs to go on. */
export class ApiError extends Error {
  readonly kind: FailureKind;
  readonly status: number;
  readonly problem: Partial<Problem>;
  /** Names this occurrence: the server's id, or one made here when no answer came. */
  readonly errorId: string;

  constructor(kind: FailureKind, status: number, problem: Partial<Problem>) {
    super(problem.detail ?? problem.title ?? kind);
    this.name = "ApiError";
    this.kind = kind;
    this.status = status;
    this.problem = problem;
    this.errorId = problem.error_id ?? localErrorId();
  }
}

/** An id for a failure that the server knows nothing of; `c-` says it was made by the console. */
export function localErrorId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(5));
  return `c-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

type Json<T> = T extends { responses: { 200: { content: { "application/json": infer Body } } } } ? Body : undefined;
type Get<P extends keyof paths> = paths[P] extends { get: infer Operation } ? Json<Operation> : never;
type Post<P extends keyof paths> = paths[P] extends { post: infer Operation } ? Json<Operation> : never;
type PostBody<P extends keyof paths> = paths[P] extends {
  post: { requestBody: { content: { "application/json": infer Body } } };
}
  ? Body
  : undefined;
type Query<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Q } } } ? Q : undefined;

interface Where<P extends keyof paths> {
  path?: Record<string, string | number>;
  query?: Query<P>;
  signal?: AbortSignal;
}

/** The address of an API path with its parameters filled in. */
export function address(path: keyof paths, where: { path?: Record<string, string | number>; query?: unknown }): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(where.path?.[name] ?? "")));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(where.query ?? {})) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${filled}?${text}` : filled;
}

export async function get<P extends keyof paths>(path: P, where: Where<P> = {}): Promise<Get<P>> {
  const response = await send(address(path, where), { signal: where.signal ?? null });
  return (await parse(response)) as Get<P>;
}

export async function post<P extends keyof paths>(
  path: P,
  body: PostBody<P>,
  where: Pick<Where<P>, "path"> = {},
): Promise<Post<P>> {
  const response = await send(address(path, where), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return (response.status === 204 ? undefined : await parse(response)) as Post<P>;
}

/** The bytes of a vault record, exactly as they were received. */
export async function rawEvidence(position: number): Promise<Uint8Array<ArrayBuffer>> {
  const response = await send(rawEvidenceAddress(position), {});
  return new Uint8Array(await response.arrayBuffer());
}

/** Where the bytes of a vault record can be downloaded. */
export function rawEvidenceAddress(position: number): string {
  return address("/api/v1/evidence/{position}/raw", { path: { position } });
}

async function send(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, credentials: "same-origin" }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("unreachable", 0, { detail: String(error) });
  });
  if (!response.ok) throw new ApiError("refused", response.status, await problemOf(response));
  return response;
}

async function parse(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    throw new ApiError("malformed", response.status, { detail: String(error) });
  }
}

async function problemOf(response: Response): Promise<Partial<Problem>> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    return { title: response.statusText };
  }
}
