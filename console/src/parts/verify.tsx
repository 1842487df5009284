// How to check the evidence without trusting this server: the command, ready to copy.
import { useQuery } from "@tanstack/react-query";
import { overviewQuery } from "../api/queries";
import { useMessages } from "../app/settings";
import { CopyButton } from "./copy";

/** The data directory is known to the operator, not to the console; in a cluster the archive is what all have. */
const COMMANDS = {
  single: "yagura evidence verify DATA/vault",
  cluster: "yagura evidence verify OBJECTS/vault/pN --key LOG_KEY",
};

export function VerifyOffline() {
  const m = useMessages();
  const { data } = useQuery(overviewQuery);
  const command = (data?.vault.partitions ?? 1) > 1 ? COMMANDS.cluster : COMMANDS.single;
  return (
    <div className="verify">
      <h3>{m.alert.verify}</h3>
      <p>{m.alert.verifyHelp}</p>
      <div className="command">
        <code>{command}</code>
        <CopyButton text={command} what={command} />
      </div>
    </div>
  );
}
