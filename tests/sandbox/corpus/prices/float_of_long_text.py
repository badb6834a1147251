# expect: limit
# why: a float of a text with many digits
def process(data, state):
    t = "0." + "0" * 300 + "22250738585072011360574097967091319759348195463516456480234261097248222220210769455165295239081350879141491589130396211068700864386945946455272075078206491" * 5
    i = 0
    while i != data.get("n"):
        i += 1
        z = (float(t), float(t), float(t), float(t), float(t), float(t), float(t), float(t))
    return {"r": 1}
