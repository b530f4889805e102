import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { keysQuery } from "@/features/keys/api";
import { usersQuery } from "@/features/members/api";
import { projectsQuery } from "@/features/projects/api";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import type { Dimension } from "./api";

/** Operations of the API by the paths that people know. */
const paths: Record<string, string> = {
  createChatCompletion: "/v1/chat/completions",
  createCompletion: "/v1/completions",
  createCompletionWithEngine: "/v1/engines/…/completions",
  createEdit: "/v1/edits",
  createEmbedding: "/v1/embeddings",
  createEmbeddingWithEngine: "/v1/engines/…/embeddings",
  createSearch: "/v1/engines/…/search",
  createAnswer: "/v1/answers",
  createClassification: "/v1/classifications",
  tokenize: "/v1/tokenize",
  detokenize: "/v1/detokenize",
};

type Named = { id: string; name: string | null };

const named = (list: readonly Named[] | undefined) => new Map(list?.map((o) => [o.id, o.name ?? o.id]));

/** The names of what sums are told apart by, as far as the reader may know them; what has none keeps its id. */
export function useLabels(): (dimension: Dimension, value: string) => string {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const mayOrganization = useMay("organization.read");
  const mayKeys = useMay("keys.read");
  const projects = useQuery({ ...projectsQuery, enabled: mayOrganization, staleTime: 60_000 });
  const users = useQuery({ ...usersQuery, enabled: mayOrganization, staleTime: 60_000 });
  const keys = useQuery({ ...keysQuery, enabled: mayKeys, staleTime: 60_000 });
  const names: Partial<Record<Dimension, Map<string, string>>> = {
    project_id: named(projects.data ?? (session ? [session.project] : [])),
    user_id: named(
      users.data?.map((u) => ({ id: u.id, name: u.name || u.email })) ?? (session ? [session.user] : []),
    ),
    api_key_id: named(keys.data?.map((k) => ({ id: k.id, name: k.name || k.redacted }))),
  };
  return (dimension, value) => {
    switch (dimension) {
      case "outcome":
        return t(`usage.outcomes.${value as "ok" | "limited" | "refused" | "canceled" | "failed"}`);
      case "endpoint":
        return value === "chats" ? t("usage.chatPage") : (paths[value] ?? value);
      case "api_key_id":
        if (value === "") return t("usage.noKey");
        if (value === "untracked") return t("usage.untracked");
        break;
      case "user_id":
        if (value === "") return t("usage.serviceAccounts");
        break;
      case "model":
      case "served_model":
        if (value === "") return t("usage.noModel");
        break;
      default:
    }
    return names[dimension]?.get(value) ?? value;
  };
}

/** A word as it begins a heading. */
export const capital = (word: string) => word.charAt(0).toLocaleUpperCase() + word.slice(1);
