// Exchanges the one-time token of the printed link for a session.
// The token stands after the "#", which browsers send to nobody; it leaves the address bar before anything else happens.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useState, type SyntheticEvent } from "react";
import { post } from "../api/client";
import { useMessages } from "../app/settings";
import { Choices } from "../app/shell";
import { Tower } from "../parts/icons";
import { QueryProblem } from "../parts/problem";
import { Loading } from "../parts/panel";

const route = getRouteApi("/sign-in");

/** The token in a link, a fragment, or alone; undefined if there is none. */
export function tokenIn(text: string): string | undefined {
  const trimmed = text.trim();
  const match = /[#&]token=([^&\s]+)/.exec(trimmed);
  if (match?.[1]) return decodeURIComponent(match[1]);
  return /^[\w.~-]{8,}$/.test(trimmed) ? trimmed : undefined;
}

/** Read once, before the router or anything else sees the address. */
let linkToken = takeToken();

function takeToken(): string | undefined {
  if (!location.pathname.startsWith("/sign-in")) return undefined;
  const token = tokenIn(location.hash);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

function useSignIn() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { next } = route.useSearch();
  return useMutation({
    mutationFn: (token: string) => post("/api/v1/sign-in", { token }),
    onSuccess: async () => {
      queries.clear();
      await navigate({ href: next ?? "/", replace: true });
    },
  });
}

export function SignIn() {
  const m = useMessages();
  const { mutate, isPending, isError, error } = useSignIn();
  const { left } = route.useSearch();
  useEffect(() => {
    document.title = `${m.signIn.title} · ${m.product}`;
  }, [m]);
  useEffect(() => {
    const use = () => {
      const token = linkToken ?? takeToken();
      linkToken = undefined;
      if (token) mutate(token);
    };
    use();
    // A second link opened in the same tab changes only the fragment.
    addEventListener("hashchange", use);
    return () => removeEventListener("hashchange", use);
  }, [mutate]);
  return (
    <main className="sign-in">
      <div className="card">
        <header>
          <Tower />
          <div>
            <h1>{m.product}</h1>
            <p>{m.signIn.lead}</p>
          </div>
        </header>
        {isPending ? (
          <>
            <p>{m.signIn.working}</p>
            <Loading lines={2} />
          </>
        ) : (
          <>
            {isError && <QueryProblem error={error} />}
            {left && !isError && <p>{m.signIn.signedOut}</p>}
            <TokenForm submit={mutate} />
          </>
        )}
      </div>
      <Choices />
    </main>
  );
}

function TokenForm({ submit }: { submit: (token: string) => void }) {
  const m = useMessages();
  const [text, setText] = useState("");
  const [bad, setBad] = useState(false);
  const onSubmit = (event: SyntheticEvent) => {
    event.preventDefault();
    const token = tokenIn(text);
    setBad(token === undefined);
    if (token !== undefined) submit(token);
  };
  return (
    <form onSubmit={onSubmit}>
      <p>{m.signIn.noToken}</p>
      <label htmlFor="token">{m.signIn.field}</label>
      <input
        id="token"
        type="text"
        value={text}
        autoComplete="off"
        spellCheck={false}
        placeholder={m.signIn.placeholder}
        aria-invalid={bad}
        aria-describedby={bad ? "token-bad" : "token-once"}
        onChange={(event) => setText(event.target.value)}
      />
      {bad && (
        <p id="token-bad" className="bad">
          {m.signIn.bad}
        </p>
      )}
      <button type="submit" className="button primary">
        {m.signIn.submit}
      </button>
      <p id="token-once" className="hint">
        {m.signIn.once}
      </p>
    </form>
  );
}
