import { useQuery } from "@tanstack/react-query";
import { Navigate, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { sessionQuery } from "@/features/session/api";
import { LinkPage } from "@/features/session/LinkPage";
import { SignInPage } from "@/features/session/SignInPage";
import { seeWaiting } from "@/features/session/waiting";

export function SignIn() {
  const { failed, next, asks } = useSearch({ from: "/signin" });
  const { isSuccess, data: session } = useQuery(sessionQuery);
  const navigate = useNavigate();
  const [link] = useState(seeWaiting);
  const leave = () => void navigate({ to: next ?? "/", replace: true });
  // A page that is loaded anew has forgotten the link.
  if (asks !== undefined && link !== null) {
    return (
      <LinkPage
        token={link}
        who={isSuccess ? session.email || session.user.name : null}
        onDone={(joined) =>
          joined && next === undefined
            ? void navigate({ to: "/account", search: { welcome: "yes" }, replace: true })
            : leave()
        }
        onStay={leave}
      />
    );
  }
  // Also when another tab signs in while this page waits: it looks again as soon as it is in front.
  if (isSuccess && failed === undefined) return <Navigate to={next ?? "/"} replace />;
  return <SignInPage expired={failed === "expired"} unreachable={failed === "unreachable"} onDone={leave} />;
}
