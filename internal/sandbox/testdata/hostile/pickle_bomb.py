# ends: 
import pickle, os
class P:
    def __reduce__(self):
        return (os.system, ("echo ran in here",))
open("/mnt/data/x.pkl", "wb").write(pickle.dumps(P()))
pickle.load(open("/mnt/data/x.pkl", "rb"))
