// How to check the evidence without trusting this server: the command, ready to copy.
import { useMessages } from "../app/settings";
import { CopyButton } from "./copy";

/** The data directory is known to the operator, not to the console. */
const COMMAND = "yagura evidence verify DATA/vault";

export function VerifyOffline() {
  const m = useMessages();
  return (
    <div className="verify">
      <h3>{m.alert.verify}</h3>
      <p>{m.alert.verifyHelp}</p>
      <div className="command">
        <code>{COMMAND}</code>
        <CopyButton text={COMMAND} what={COMMAND} />
      </div>
    </div>
  );
}
