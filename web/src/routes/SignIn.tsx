import { useQuery } from "@tanstack/react-query";
import { Navigate, useNavigate, useSearch } from "@tanstack/react-router";
import { sessionQuery } from "@/features/session/api";
import { SignInPage } from "@/features/session/SignInPage";

export function SignIn() {
  const { failed, next } = useSearch({ from: "/signin" });
  const { isSuccess } = useQuery(sessionQuery);
  const navigate = useNavigate();
  // Also when another tab signs in while this page waits: it looks again as soon as it is in front.
  if (isSuccess && failed === undefined) return <Navigate to={next ?? "/"} replace />;
  return (
    <SignInPage
      expired={failed === "expired"}
      unreachable={failed === "unreachable"}
      onDone={() => void navigate({ to: next ?? "/", replace: true })}
    />
  );
}
